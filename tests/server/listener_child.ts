/**
 * Listeners in a process of their own: one that may open few files, and opens them all when
 * it is told to, or one that may listen twice on a port. They look after their sockets when
 * they are told to.
 *
 * @module
 */

import { listen, type ListenerOptions } from "../../lib/server/listener.ts";
import { readEvents, tellTest as tell } from "./child.ts";

type Tls = ListenerOptions["tls"];

/** What it is to be, in its one argument. */
export interface Orders {
  /** How many listeners share the port. */
  readonly listeners: number;
  /** The certificate to begin with. */
  readonly tls?: Tls;
}

/** What it is told to do. */
export type Order = { readonly kind: "fill" | "free" | "look" | "stop" } | {
  readonly kind: "certify";
  readonly tls: NonNullable<Tls>;
};

const { listeners: count, tls }: Orders = JSON.parse(Deno.args[0]!);
const input = readEvents(Deno.stdin.readable);
const files: Deno.FsFile[] = [];

function fill(): void {
  try {
    for (;;) files.push(Deno.openSync("/dev/null"));
  } catch {
    // All are open.
  }
}

// A listener looks after its socket every second: here, when it is told to.
const LOOK_MS = 1000;
const looks = new Set<() => void>();

function later(ms: number, work: () => void): () => void {
  if (ms === LOOK_MS) {
    looks.add(work);
    return () => void looks.delete(work);
  }
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}

function look(): void {
  const due = [...looks];
  looks.clear();
  for (const work of due) work();
}

// As the program does: a Deno that has none of its own would panic without a file left.
const ignore = () => {};
Deno.addSignalListener("SIGHUP", ignore);

let port = 0;
const listeners = Array.from({ length: count }, (_, at) => {
  const listener = listen(() => new Response(`${at}`), {
    host: "127.0.0.1",
    port,
    tls,
    later,
    shared: count > 1 || tls !== undefined,
    onError() {
      // The file that the socket was is not to be had either, until it is told to free some.
      fill();
      tell({ failed: at });
    },
  });
  port = listener.address.port;
  return listener;
});
tell({ port });

for await (const event of input) {
  const order = event as unknown as Order;
  switch (order.kind) {
    case "fill":
      fill();
      break;
    case "free":
      for (const file of files.splice(0)) file.close();
      tell({ freed: true });
      break;
    case "look":
      look();
      tell({ looked: true });
      break;
    case "certify":
      for (const listener of listeners) listener.certify(order.tls);
      tell({ certified: true });
      break;
    case "stop":
      for (const listener of listeners) listener.stopAtOnce();
      await Promise.all(listeners.map(({ finished }) => finished));
      Deno.removeSignalListener("SIGHUP", ignore);
      tell({ stopped: true });
  }
}
