/**
 * Listeners in a process that may open few files, and opens them all when it is told to.
 *
 * @module
 */

import { listen } from "../../lib/server/listener.ts";
import { readEvents, tellTest as tell } from "./child.ts";

/** What it is to be, in its one argument. */
export interface Orders {
  /** How many listeners share the port. */
  readonly listeners: number;
}

/** What it is told to do. */
export type Order = "fill" | "free" | "stop";

const { listeners: count }: Orders = JSON.parse(Deno.args[0]!);
const input = readEvents(Deno.stdin.readable);
const files: Deno.FsFile[] = [];

function fill(): void {
  try {
    for (;;) files.push(Deno.openSync("/dev/null"));
  } catch {
    // All are open.
  }
}

// As the program does: a Deno that has none of its own would panic without a file left.
const ignore = () => {};
Deno.addSignalListener("SIGHUP", ignore);

let port = 0;
const listeners = Array.from({ length: count }, (_, at) => {
  const listener = listen(() => new Response(`${at}`), {
    host: "127.0.0.1",
    port,
    shared: count > 1,
    failed() {
      // The file that the socket was is not to be had either, until it is told to free some.
      fill();
      tell({ failed: at });
    },
  });
  port = listener.address.port;
  return listener;
});
tell({ port });

for await (const order of input) {
  switch (order as unknown as Order) {
    case "fill":
      fill();
      break;
    case "free":
      for (const file of files.splice(0)) file.close();
      tell({ freed: true });
      break;
    case "stop":
      for (const listener of listeners) listener.stopAtOnce();
      await Promise.all(listeners.map(({ finished }) => finished));
      Deno.removeSignalListener("SIGHUP", ignore);
      tell({ stopped: true });
  }
}
