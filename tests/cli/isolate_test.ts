import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Channel, type Hello, runIsolate, spawnIsolate } from "../../lib/cli/isolate.ts";
import type { Order, Report } from "../../lib/server/isolate.ts";
import type { Setup } from "../../lib/redirect/setup.ts";
import { createContext } from "./program.ts";

const MODULE = new URL("isolate_module.ts", import.meta.url).href;

/** Gathers what an isolate tells, for tests to wait for. */
function createListener() {
  const told: (Report | string)[] = [];
  let wake = () => {};
  const take = (report: Report | string) => {
    told.push(report);
    wake();
  };
  return {
    onReport: take,
    onDied: take,
    async next(): Promise<Report | string> {
      if (told.length === 0) await new Promise<void>((resolve) => wake = resolve);
      return told.shift()!;
    },
  };
}

Deno.test("spawnIsolate() says hello, hands on orders, and tells what is told", async () => {
  const listener = createListener();
  const worker = spawnIsolate(MODULE, listener, { traced: true });
  try {
    assertEquals(await listener.next(), { kind: "failed", reason: '{"traced":true}' });
    const order = { kind: "change", setup: { isolates: 2 } as Setup } as const;
    worker.order(order);
    assertEquals(await listener.next(), { kind: "failed", reason: JSON.stringify(order) });
  } finally {
    worker.terminate();
  }
});

Deno.test("spawnIsolate() tells that an isolate died, and of what, and lives on", async () => {
  const listener = createListener();
  const worker = spawnIsolate(MODULE, listener, { traced: false });
  assertEquals(await listener.next(), { kind: "failed", reason: '{"traced":false}' });
  worker.order({ kind: "stop", giveUpMs: 7 });
  assertStringIncludes(String(await listener.next()), "told to stop in 7");
  // Neither is a mistake, for who is told of a death may not have been the first to know.
  worker.order({ kind: "stop", giveUpMs: 7 });
  worker.terminate();
});

Deno.test("spawnIsolate() tells that an isolate's module is none", async () => {
  const listener = createListener();
  const worker = spawnIsolate(new URL("no_module.ts", MODULE).href, listener, { traced: false });
  // Each runtime says it in its own words; a report would be an object.
  assertEquals(typeof await listener.next(), "string");
  worker.terminate();
});

/** The main isolate's end of a channel, and the isolate's. */
function createChannel() {
  const listener = createListener();
  const channel: Channel = { postMessage: listener.onReport, onmessage: null };
  const send = (data: Hello | Order) => channel.onmessage?.(new MessageEvent("message", { data }));
  return { channel, send, next: listener.next };
}

for (const traced of [false, true]) {
  Deno.test(`runIsolate() does what it is told in order, ${traced ? "" : "un"}traced`, async () => {
    const { channel, send, next } = createChannel();
    runIsolate(channel, createContext());
    // They come at once, and the first is not ready for the others yet.
    send({ traced });
    send({ kind: "change", setup: {} as Setup });
    send({ kind: "stop", giveUpMs: 1000 });
    assertEquals([await next(), await next()], [{ kind: "changed" }, { kind: "stopped" }]);
  });
}
