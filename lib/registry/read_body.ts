/**
 * Reads the body of another server's answer, up to a limit.
 *
 * @module
 */

import type { Limit } from "./limit.ts";

/**
 * Reads a body whole.
 *
 * @param maxBytes how long it may be
 * @returns the bytes, or `undefined` when there are more; the rest is then not read
 * @throws when the answer breaks off, or the limit is reached
 */
export async function tryReadBody(
  { body, headers }: Response,
  maxBytes: number,
  limit: Limit,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (body === null) return new Uint8Array();
  if (Number(headers.get("content-length") ?? 0) > maxBytes) {
    void body.cancel().catch(() => {});
    return undefined;
  }
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await limit.race(reader.read());
      if (done) return join(chunks, length);
      length += value.length;
      if (length > maxBytes) return undefined;
      chunks.push(value);
    }
  } finally {
    // Of no effect after the end.
    void reader.cancel().catch(() => {});
  }
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

/** Drops the body of an answer. */
export function dropBody({ body }: Response): void {
  void body?.cancel().catch(() => {});
}
