/**
 * The program: the one place where it meets the world.
 *
 * @module
 */

import { run } from "./lib/cli/run.ts";
import { type Channel, runWorker } from "./lib/cli/worker.ts";

function writeSync(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}

async function write(
  stream: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await stream.write(rest));
}

// A worker runs this module, too, and some runtimes call it the main one there as well.
if ("DedicatedWorkerGlobalScope" in globalThis) {
  runWorker(globalThis as unknown as Channel, { fetch, now: Date.now });
} else if (import.meta.main) {
  const status = await run(Deno.args, {
    environment: (variable) => Deno.env.get(variable),
    fetch,
    now: Date.now,
    stdin: Deno.stdin.readable,
    out: (text) => writeSync(Deno.stdout, text),
    err: (text) => writeSync(Deno.stderr, text),
    write: (bytes) => write(Deno.stdout, bytes),
    writeErr: (bytes) => write(Deno.stderr, bytes),
    program: import.meta.url,
  });
  Deno.exit(status);
}
