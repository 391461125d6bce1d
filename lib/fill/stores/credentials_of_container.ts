/**
 * The credentials of a container: ECS, and EKS Pod Identity.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 *
 * @module
 */

import { describeReason } from "../../mirrors/asker.ts";
import { failed, failedForGood, type Failure } from "../failure.ts";
import { type Credentials, type CredentialsOptions, isSendable } from "./credentials.ts";
import { askForText, readCredentials } from "./credentials_answer.ts";

const WHAT = "the container's credentials service";
const RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TIMEOUT_MS = 5000;

/** Whether the environment names such a service. */
export function isContainerUri(environment: CredentialsOptions["environment"]): boolean {
  return Boolean(environment(RELATIVE) || environment(FULL));
}

/** Gets the credentials of a container. */
export async function fromContainer(
  options: CredentialsOptions,
): Promise<Credentials | Failure> {
  const { environment } = options;
  const relative = environment(RELATIVE);
  const url = relative ? `http://169.254.170.2${relative}` : environment(FULL)!;
  if (!isAllowed(url)) {
    return failedForGood(
      `${relative ? RELATIVE : FULL} is "${url}"; allowed: https:, or loopback, ` +
        "169.254.170.2, 169.254.170.23 or [fd00:ec2::23]",
    );
  }
  const token = await readToken(options);
  if (typeof token === "object") return token;
  if (token !== undefined && !isSendable(token)) {
    return failedForGood("the container's authorization token is none");
  }
  const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
  const request = { what: WHAT, url, init: { headers }, timeoutMs: TIMEOUT_MS };
  return readCredentials(await askForText(request, options), WHAT);
}

// Whoever could set the variable could otherwise have the token sent anywhere.
const HOSTS = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "[::1]", "localhost"];

function isAllowed(text: string): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  const { protocol, hostname } = url;
  return protocol === "https:" ||
    protocol === "http:" && (HOSTS.includes(hostname) || /^127(?:\.\d+){3}$/.test(hostname));
}

async function readToken(
  { environment, readText }: CredentialsOptions,
): Promise<string | undefined | Failure> {
  const file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file) return environment("AWS_CONTAINER_AUTHORIZATION_TOKEN") || undefined;
  try {
    return (await readText(file)).trim();
  } catch (error) {
    return failed(`cannot read "${file}": ${describeReason(error)}`);
  }
}
