/**
 * The program's entry point, and the only module with effects at the top level.
 *
 * @module
 */

import { type Channel, runIsolate } from "./lib/cli/isolate.ts";
import { run } from "./lib/cli/run.ts";

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

// A worker thread runs this module as well, and `import.meta.main` is true there, too.
if ("DedicatedWorkerGlobalScope" in globalThis) {
  runIsolate(globalThis as unknown as Channel, { fetch, now: Date.now });
} else if (import.meta.main) {
  const status = await run(Deno.args, {
    environment: (variable) => Deno.env.get(variable),
    fetch,
    now: Date.now,
    timeout: (ms) => AbortSignal.timeout(ms),
    stdin: Deno.stdin.readable,
    out: (text) => writeSync(Deno.stdout, text),
    err: (text) => writeSync(Deno.stderr, text),
    write: (bytes) => write(Deno.stdout, bytes),
    writeErr: (bytes) => write(Deno.stderr, bytes),
    program: import.meta.url,
    terminal: Deno.stdout.isTerminal() ? { size: Deno.consoleSize } : undefined,
  });
  Deno.exit(status);
}
