/**
 * Credentials for a web identity: a token in a file, as in Kubernetes' service accounts with a
 * role.
 *
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 *
 * @module
 */

import { describeReason } from "../../mirrors/asker.ts";
import { failed, failedForGood, type Failure } from "../failure.ts";
import type { Credentials, CredentialsOptions } from "./credentials.ts";
import { askForText } from "./credentials_answer.ts";
import { tryElement } from "./s3_xml.ts";

const WHAT = "the security token service";
const TIMEOUT_MS = 10_000;

/** Gets credentials for a web identity. */
export async function fromWebIdentity(
  options: CredentialsOptions,
): Promise<Credentials | Failure> {
  const { environment, readText, region } = options;
  const file = environment("AWS_WEB_IDENTITY_TOKEN_FILE")!;
  const role = environment("AWS_ROLE_ARN");
  if (!role) return failedForGood("AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
  let token;
  try {
    // Read anew each time, because it is replaced before it ends.
    token = (await readText(file)).trim();
  } catch (error) {
    return failed(`cannot read "${file}": ${describeReason(error)}`);
  }
  const body = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: role,
    RoleSessionName: environment("AWS_ROLE_SESSION_NAME") || "archeio",
    WebIdentityToken: token,
  });
  const url = environment("AWS_ENDPOINT_URL_STS") || endpointOf(environment, region);
  const request = { what: WHAT, url, init: { method: "POST", body }, timeoutMs: TIMEOUT_MS };
  const text = await askForText(request, options);
  return typeof text === "string" ? read(text) : text;
}

// The store's own region is no AWS region everywhere: R2's is `auto`.
function endpointOf(environment: CredentialsOptions["environment"], region: string): string {
  const named = environment("AWS_REGION") || environment("AWS_DEFAULT_REGION") || region;
  const suffix = named.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return /^[a-z]{2}(?:-[a-z]+)+-\d$/.test(named)
    ? `https://sts.${named}.${suffix}/`
    : "https://sts.amazonaws.com/";
}

function read(xml: string): Credentials | Failure {
  const accessKeyId = tryElement(xml, "AccessKeyId");
  const secretAccessKey = tryElement(xml, "SecretAccessKey");
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    return failed(`no credentials: ${WHAT} answered with none`);
  }
  const endMs = Date.parse(tryElement(xml, "Expiration") ?? "");
  return {
    kind: "credentials",
    accessKeyId,
    secretAccessKey,
    sessionToken: tryElement(xml, "SessionToken"),
    endMs: Number.isNaN(endMs) ? undefined : endMs,
  };
}
