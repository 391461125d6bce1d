/**
 * Writes an object to S3 in one piece, streamed.
 *
 * @module
 */

import { failed, failedBy, type Failure } from "../failure.ts";
import { DONE, type Done, type Upload } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { S3Client, S3Request } from "./s3_client.ts";

/** The headers of every object: what is under a digest never changes. */
export const OBJECT_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/octet-stream",
  "cache-control": "public, max-age=31536000, immutable",
};

/**
 * What a request's body is signed with. For a sha256 digest that is its hash, which the store
 * checks; other digests it does not know.
 */
export function payloadHashOf(digest: string): string {
  return digest.startsWith("sha256:") ? digest.slice("sha256:".length) : "UNSIGNED-PAYLOAD";
}

/** An object to write. */
export interface ObjectToPut {
  /** Its key. */
  readonly key: string;
  /** Its digest. */
  readonly digest: string;
  /** Its size in bytes. */
  readonly size: number;
}

/** Begins to write an object. */
export function beginPut(
  client: S3Client,
  { key, digest, size }: ObjectToPut,
  signal: AbortSignal,
): Upload {
  const request = {
    method: "PUT",
    key,
    headers: OBJECT_HEADERS,
    sha256: payloadHashOf(digest),
  } as const;
  const { write, finish, abort } = beginStream(client, request, size, signal);
  return { write, finish: async () => toDone(await finish()), abort };
}

function toDone(outcome: Headers | Failure): Done | Failure {
  return outcome instanceof Headers ? DONE : outcome;
}

/** A request whose body is streamed. */
export interface Stream extends Pick<Upload, "write" | "abort"> {
  /** Ends it; gives the headers of its answer. */
  finish(): Promise<Headers | Failure>;
}

/** Begins a request whose body is streamed. It is opened with the first bytes. */
export function beginStream(
  client: S3Client,
  request: S3Request,
  size: number,
  signal: AbortSignal,
): Stream {
  let opening: Promise<Connection | Failure> | undefined;
  let outcome: Headers | Failure | undefined;
  let sent = 0;
  let isAborted = false;

  const onAbort = () => void abort();

  async function open(): Promise<Connection | Failure> {
    const connection = await client.open(request, size, signal);
    if ("kind" in connection) return outcome = connection;
    signal.addEventListener("abort", onAbort, { once: true });
    if (isAborted || signal.aborted) connection.close();
    // An answer before the end of the body is a refusal.
    connection.answer.then((answer) => {
      const early = sent < size ? failed("it answered before it had all bytes") : answer.headers;
      outcome = client.judge(answer) ?? early;
      connection.close();
    }, (error) => {
      outcome ??= failedBy(error);
      connection.close();
    });
    return connection;
  }

  async function write(bytes: Uint8Array<ArrayBuffer>): Promise<Done | Failure> {
    const connection = await (opening ??= open());
    if ("kind" in connection) return connection;
    try {
      // Counted first: the answer may come before the write returns.
      sent += bytes.length;
      await connection.write(bytes);
      return outcome === undefined || outcome instanceof Headers ? DONE : outcome;
    } catch (error) {
      // The reason why it was closed may have been read, or be about to be.
      await connection.answer.catch(() => {});
      return outcome === undefined || outcome instanceof Headers ? failedBy(error) : outcome;
    }
  }

  async function abort(): Promise<void> {
    isAborted = true;
    const connection = await opening;
    if (connection !== undefined && !("kind" in connection)) connection.close();
    signal.removeEventListener("abort", onAbort);
  }

  return {
    write,
    abort,
    async finish() {
      const connection = await (opening ??= open());
      if ("kind" in connection) return connection;
      await connection.answer.catch(() => {});
      signal.removeEventListener("abort", onAbort);
      return outcome ?? failed("it did not answer");
    },
  };
}
