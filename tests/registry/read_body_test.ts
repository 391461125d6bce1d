import { assertEquals, assertRejects } from "@std/assert";
import { startLimit } from "../../lib/registry/limit.ts";
import { dropBody, tryReadBody } from "../../lib/registry/read_body.ts";
import { createVirtualClock, settle } from "../mirrors/virtual_clock.ts";

function createWorld() {
  const clock = createVirtualClock();
  const limit = startLimit({ timeoutMs: 1000, later: clock.later });
  return { clock, limit };
}

function stream(chunks: number, onCancel = () => {}): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = chunks;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array([1, 2, 3]));
      else controller.close();
    },
    cancel: onCancel,
  });
}

Deno.test("tryReadBody() reads a body up to its limit", async () => {
  const { limit } = createWorld();
  const table = [
    { chunks: 0, maxBytes: 0, expected: 0 },
    { chunks: 2, maxBytes: 6, expected: 6 },
    { chunks: 2, maxBytes: 5, expected: undefined },
  ];
  for (const { chunks, maxBytes, expected } of table) {
    const body = await tryReadBody(new Response(stream(chunks)), maxBytes, limit);
    assertEquals(body?.length, expected);
  }
  assertEquals((await tryReadBody(new Response(null), 5, limit))?.length, 0);
  limit.end();
});

Deno.test("tryReadBody() does not begin with a body that says it is too long", async () => {
  const { limit } = createWorld();
  let cancelled = 0;
  const headers = { "content-length": "6" };
  const response = new Response(stream(Infinity, () => cancelled++), { headers });
  assertEquals(await tryReadBody(response, 5, limit), undefined);
  assertEquals(cancelled, 1);
  limit.end();
});

Deno.test("tryReadBody() leaves a body that never ends, and one that stalls", async () => {
  const { limit, clock } = createWorld();
  let cancelled = 0;
  const endless = new Response(stream(Infinity, () => cancelled++));
  assertEquals(await tryReadBody(endless, 1000, limit), undefined);
  await settle();
  assertEquals(cancelled, 1);
  const stalled = new Response(new ReadableStream({ cancel: () => void cancelled++ }));
  const reading = tryReadBody(stalled, 1000, limit);
  const rejected = assertRejects(() => reading, DOMException, "no answer in 1000 ms");
  await clock.pass(1000);
  await rejected;
  assertEquals(cancelled, 2);
  limit.end();
});

Deno.test("dropBody() survives a body that cannot be cancelled", async () => {
  dropBody(new Response(null));
  dropBody(new Response(new ReadableStream({ cancel: () => Promise.reject(new Error("no")) })));
  await settle();
});

Deno.test("a limit can be renewed, aborted, and ended", async () => {
  const { limit, clock } = createWorld();
  await clock.pass(900);
  limit.renew();
  await clock.pass(900);
  assertEquals(limit.signal.aborted, false);
  limit.end();
  assertEquals(clock.waiting, 0);
  const stop = new AbortController();
  stop.abort(new Error("stopping"));
  const over = startLimit({ timeoutMs: 1000, later: clock.later, signals: [stop.signal] });
  await assertRejects(() => over.race(new Promise(() => {})), Error, "stopping");
  over.end();
  const cut = startLimit({ timeoutMs: 1000, later: clock.later });
  cut.abort(new Error("cut"));
  await assertRejects(() => cut.race(new Promise(() => {})), Error, "cut");
  cut.end();
});
