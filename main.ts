/**
 * The program: the one place where it meets the world.
 *
 * @module
 */

import { run } from "./lib/cli/run.ts";

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}

if (import.meta.main) {
  const status = await run(Deno.args, {
    environment: (variable) => Deno.env.get(variable),
    fetch,
    stdin: Deno.stdin.readable,
    out: (text) => write(Deno.stdout, text),
    err: (text) => write(Deno.stderr, text),
    now: Date.now,
  });
  Deno.exit(status);
}
