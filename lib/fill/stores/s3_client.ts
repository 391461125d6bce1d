/**
 * Signs and sends requests to an S3 bucket.
 *
 * Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 *
 * @module
 */

import { AwsV4Signer } from "aws4fetch";
import type { Later } from "../../mirrors/time.ts";
import { failedBy, type Failure } from "../failure.ts";
import { type Connection, openConnection } from "./connection.ts";
import type { CredentialsProvider } from "./credentials.ts";
import { type FailureContext, type S3Answer, saysExpired, tryFailure } from "./s3_errors.ts";

/** A bucket. */
export interface Bucket {
  /** The URL of the service, or of the bucket where its host has the bucket's name. */
  readonly endpoint: string;
  /** The region to sign for; `auto` for R2. */
  readonly region: string;
  /** Its name. */
  readonly bucket: string;
  /** Whether the bucket's name stands in the path, or in the host. */
  readonly style: "path" | "virtual";
  /** The account that it must belong to. */
  readonly expectedOwner?: string | undefined;
}

/** What requests need. */
export interface S3ClientOptions {
  /** Sends a request, like the platform's `fetch`. */
  readonly fetch: typeof fetch;
  /** The credentials. */
  readonly credentials: CredentialsProvider;
  /** Waits for the turn of a request. */
  readonly turn: (signal: AbortSignal) => Promise<void>;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Runs timers. */
  readonly later: Later;
}

/** A request. */
export interface S3Request {
  /** Its method. */
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The key of an object, or an empty text for the bucket. */
  readonly key: string;
  /** The parameters of its query. */
  readonly query?: Readonly<Record<string, string>>;
  /** Headers beside those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The sha256 of its body in hexadecimal, or `UNSIGNED-PAYLOAD`; by default that of none. */
  readonly sha256?: string;
}

/** Sends requests to a bucket. Its promises do not reject. */
export interface S3Client {
  /** Sends a request, and reads its answer. */
  send(
    request: S3Request,
    body: Uint8Array<ArrayBuffer> | undefined,
    signal: AbortSignal,
  ): Promise<S3Answer | Failure>;
  /** Opens a request whose body is streamed. */
  open(request: S3Request, length: number, signal: AbortSignal): Promise<Connection | Failure>;
  /** Reads the answer of such a request. */
  judge(answer: S3Answer): Failure | undefined;
}

const SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const TIMEOUT_MS = 60_000;
// A listing of 1,000 keys, each of 1,024 bytes that all have to be escaped.
const MOST_BYTES = 8 * 1024 * 1024;

interface Signed {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

/** Makes the client of a bucket. */
export function createS3Client(bucket: Bucket, options: S3ClientOptions): S3Client {
  const { fetch, credentials, turn, timeOfDay, later } = options;
  let secrets: readonly string[] = [];
  // The keys that signatures are made with, by day and secret: each takes four hashes.
  let signingKeys = new Map<string, ArrayBuffer>();

  const context = (): FailureContext => ({ timeOfDay: timeOfDay(), secrets });

  async function sign(request: S3Request): Promise<Signed | Failure> {
    const keys = await credentials.get();
    if (keys.kind === "failed") return keys;
    const { accessKeyId, secretAccessKey, sessionToken } = keys;
    if (secrets[0] !== secretAccessKey) signingKeys = new Map();
    secrets = [secretAccessKey, ...sessionToken === undefined ? [] : [sessionToken]];
    const owner = bucket.expectedOwner;
    const signed = await new AwsV4Signer({
      method: request.method,
      url: urlOf(bucket, request),
      headers: {
        "x-amz-content-sha256": request.sha256 ?? SHA256_OF_NOTHING,
        ...owner === undefined ? {} : { "x-amz-expected-bucket-owner": owner },
        ...request.headers,
      },
      accessKeyId,
      secretAccessKey,
      ...sessionToken === undefined ? {} : { sessionToken },
      service: "s3",
      region: bucket.region,
      cache: signingKeys,
      datetime: new Date(timeOfDay()).toISOString().replaceAll(/[:-]|\.\d{3}/g, ""),
    }).sign();
    return { ...signed, url: signed.url.href };
  }

  async function attempt(
    request: S3Request,
    body: Uint8Array<ArrayBuffer> | undefined,
    signal: AbortSignal,
  ): Promise<S3Answer | Failure> {
    // A signature is good for some minutes only, and a turn may take as long.
    await turn(signal);
    const signed = await sign(request);
    if ("kind" in signed) return signed;
    const { method, url, headers } = signed;
    const late = new AbortController();
    const cancel = later(TIMEOUT_MS, () => late.abort(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    try {
      const response = await fetch(url, {
        method,
        headers,
        body: body ?? null,
        redirect: "manual",
        signal: AbortSignal.any([signal, late.signal]),
      });
      return { status: response.status, headers: response.headers, text: await readText(response) };
    } catch (error) {
      return failedBy(late.signal.aborted ? late.signal.reason : error);
    } finally {
      cancel();
    }
  }

  return {
    async send(request, body, signal) {
      let answer = await attempt(request, body, signal);
      if ("status" in answer && saysExpired(answer)) {
        credentials.forget();
        answer = await attempt(request, body, signal);
      }
      if (!("status" in answer)) return answer;
      return tryFailure(answer, context()) ?? answer;
    },
    async open(request, length, signal) {
      try {
        await turn(signal);
        const signed = await sign(request);
        if ("kind" in signed) return signed;
        const { method, url, headers } = signed;
        return await openConnection({ method, url: new URL(url), headers, length });
      } catch (error) {
        return failedBy(error);
      }
    },
    judge(answer) {
      if (saysExpired(answer)) credentials.forget();
      return tryFailure(answer, context());
    },
  };
}

function urlOf({ endpoint, bucket, style }: Bucket, { key, query = {} }: S3Request): string {
  const url = new URL(endpoint);
  if (style === "virtual") url.hostname = `${bucket}.${url.hostname}`;
  const base = style === "path" ? `/${bucket}` : "";
  const path = key.split("/").map(encodeURIComponent).join("/");
  url.pathname = key === "" ? `${base}/` : `${base}/${path}`;
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MOST_BYTES) throw new Error(`the answer has more than ${MOST_BYTES} bytes`);
  }
  return text + decoder.decode();
}
