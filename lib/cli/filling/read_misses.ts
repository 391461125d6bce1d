/**
 * Reads a list of blobs to fill: from a server, from a file, from standard input.
 *
 * @module
 */

import { type Miss, parseMisses } from "../../fill/misses.ts";
import { type Context, FailedError, UsageError } from "../command.ts";
import { reasonOf } from "../load_config.ts";

const MOST_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/**
 * Reads a list of blobs.
 *
 * @param from a URL, the path of a file, or `-`
 * @throws {FailedError} when it cannot be had
 * @throws {UsageError} when it is none
 */
export async function readMisses(
  from: string,
  context: Context,
  signal: AbortSignal,
): Promise<readonly Miss[]> {
  let text: string;
  try {
    text = await readText(await open(from, context, signal));
  } catch (error) {
    throw new FailedError(`cannot read the list of blobs "${from}": ${reasonOf(error)}`);
  }
  try {
    return parseMisses(text);
  } catch (error) {
    throw new UsageError(`cannot read the list of blobs "${from}": ${reasonOf(error)}`);
  }
}

async function open(
  from: string,
  { stdin, fetch, timeout }: Context,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  if (from === "-") return stdin;
  if (!/^https?:/.test(from)) return (await Deno.open(from)).readable;
  const response = await fetch(from, { signal: AbortSignal.any([signal, timeout(TIMEOUT_MS)]) });
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  throw new Error(`it answered ${response.status}`);
}

async function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of stream) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MOST_BYTES) throw new RangeError(`it has more than ${MOST_BYTES} bytes`);
  }
  return text + decoder.decode();
}
