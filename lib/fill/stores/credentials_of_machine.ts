/**
 * The credentials of an EC2 machine, by version 2 of its metadata service.
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 *
 * @module
 */

import { failedForGood, type Failure } from "../failure.ts";
import { type Credentials, type CredentialsOptions, isSendable } from "./credentials.ts";
import { askForText, readCredentials } from "./credentials_answer.ts";

const WHAT = "EC2's metadata service";
const ROLES = "/latest/meta-data/iam/security-credentials/";
// Elsewhere than at EC2 nobody answers, and it should not take long to find that out.
const TIMEOUT_MS = 1000;
const TRIES = 2;

/** Gets the credentials of a machine. */
export async function fromMachine(options: CredentialsOptions): Promise<Credentials | Failure> {
  const base = options.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT") || "http://169.254.169.254";
  const at = (path: string) => base.replace(/\/+$/, "") + path;
  const ask = (path: string, init: RequestInit) =>
    askForText({ what: WHAT, url: at(path), init, timeoutMs: TIMEOUT_MS }, options);
  const token = await retried(() =>
    ask("/latest/api/token", {
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "21600" },
    })
  );
  if (typeof token !== "string") {
    return failedForGood(
      "there are no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor a web " +
        `identity, a container's or a machine's (${token.reason})`,
    );
  }
  if (!isSendable(token)) return failedForGood(`no credentials: ${WHAT} gave a token that is none`);
  const init = { headers: { "x-aws-ec2-metadata-token": token } };
  const roles = await retried(() => ask(ROLES, init));
  if (typeof roles !== "string") return roles;
  const role = roles.split("\n")[0]!.trim();
  return readCredentials(
    await retried(() => ask(ROLES + encodeURIComponent(role), init)),
    WHAT,
  );
}

async function retried(
  ask: () => Promise<string | Failure>,
): Promise<string | Failure> {
  let answer = await ask();
  for (let tries = 1; tries < TRIES && typeof answer !== "string"; tries++) answer = await ask();
  return answer;
}
