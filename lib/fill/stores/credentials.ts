/**
 * The credentials for S3, looked for where the AWS tools look for them: the environment, web
 * identity, the container's (ECS and EKS Pod Identity), the machine's. Only the first that is
 * configured counts. Temporary ones are fetched anew before they end.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 *
 * @module
 */

import { failedForGood, type Failure } from "../failure.ts";
import { fromContainer, isContainerUri } from "./credentials_of_container.ts";
import { fromMachine } from "./credentials_of_machine.ts";
import { fromWebIdentity } from "./credentials_of_web_identity.ts";

/** Credentials. */
export interface Credentials {
  /** Tells them from a failure. */
  readonly kind: "credentials";
  /** The access key's id. */
  readonly accessKeyId: string;
  /** The secret. */
  readonly secretAccessKey: string;
  /** The token of temporary ones. */
  readonly sessionToken?: string | undefined;
  /** When they end, in milliseconds since 1970; `undefined` for never. */
  readonly endMs?: number | undefined;
}

/** Gives credentials, and fetches them anew before they end. */
export interface CredentialsProvider {
  /** The credentials. Its promise does not reject. */
  get(): Promise<Credentials | Failure>;
  /** Fetches them anew at the next call: a store says that they have ended. */
  forget(): void;
}

/** What looking for credentials needs. */
export interface CredentialsOptions {
  /** Returns the value of an environment variable. */
  readonly environment: (variable: string) => string | undefined;
  /** Reads a file. */
  readonly readText: (path: string) => Promise<string>;
  /** Sends a request, like the platform's `fetch`; redirects are not followed. */
  readonly fetch: typeof fetch;
  /** The region, for the service that gives credentials for a web identity. */
  readonly region: string;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Makes a signal that is aborted after some milliseconds. */
  readonly timeout: (ms: number) => AbortSignal;
}

// The longest upload begins by then with the old ones.
const BEFORE_END_MS = 300_000;

/** Makes a provider of credentials. */
export function createCredentials(options: CredentialsOptions): CredentialsProvider {
  const fetchAll = findKind(options);
  let held: Credentials | undefined;
  let fetching: Promise<Credentials | Failure> | undefined;

  async function renew(): Promise<Credentials | Failure> {
    try {
      const got = refuseUnsendable(await fetchAll(options));
      if (got.kind === "credentials") return held = got;
      // Until they end, the old ones are as good.
      return held !== undefined && (held.endMs ?? 0) > options.timeOfDay() ? held : got;
    } finally {
      fetching = undefined;
    }
  }

  return {
    async get() {
      if (held !== undefined && lastsLong(held, options.timeOfDay())) return held;
      return await (fetching ??= renew());
    },
    forget() {
      held = undefined;
    },
  };
}

/** Whether a text can be the value of a header: the platform's error would quote it. */
export function isSendable(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function refuseUnsendable(got: Credentials | Failure): Credentials | Failure {
  if (got.kind === "failed") return got;
  const { accessKeyId, secretAccessKey, sessionToken = "x" } = got;
  return [accessKeyId, secretAccessKey, sessionToken].every(isSendable)
    ? got
    : failedForGood("the credentials are none: they have spaces or control characters");
}

function lastsLong({ endMs }: Credentials, now: number): boolean {
  return endMs === undefined || endMs - now > BEFORE_END_MS;
}

type Fetch = (options: CredentialsOptions) => Promise<Credentials | Failure>;

function findKind({ environment }: CredentialsOptions): Fetch {
  const isSet = (variable: string) => Boolean(environment(variable));
  if (isSet("AWS_ACCESS_KEY_ID") && isSet("AWS_SECRET_ACCESS_KEY")) return fromEnvironment;
  if (isSet("AWS_WEB_IDENTITY_TOKEN_FILE")) return fromWebIdentity;
  if (isContainerUri(environment)) return fromContainer;
  if (environment("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true") return fromNowhere;
  return fromMachine;
}

function fromEnvironment({ environment }: CredentialsOptions): Promise<Credentials> {
  return Promise.resolve({
    kind: "credentials",
    accessKeyId: environment("AWS_ACCESS_KEY_ID")!,
    secretAccessKey: environment("AWS_SECRET_ACCESS_KEY")!,
    sessionToken: environment("AWS_SESSION_TOKEN") || undefined,
  });
}

function fromNowhere(): Promise<Failure> {
  return Promise.resolve(failedForGood(
    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  ));
}
