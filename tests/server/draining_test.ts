import { assertEquals } from "@std/assert";
import { createDraining } from "../../lib/server/draining.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";
import { BEGUN } from "../redirect/fixture.ts";

const REQUEST = new Request("http://registry.example/v2/");
const INFO = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1" } };

/** Something that drains, and whether it is done. */
function createStage(handler: () => Response | Promise<Response>) {
  const timers = createVirtualClock(BEGUN);
  const { handle, drain } = createDraining(handler, timers.later);
  const stage = {
    timers,
    drained: false,
    ask: async () => await handle(REQUEST, INFO),
    drain() {
      drain().then(() => stage.drained = true);
    },
  };
  return stage;
}

Deno.test("a handler that drains answers with Connection: close, and changes nothing else of the answer", async () => {
  const kept = new Response("moved", { status: 307, headers: { location: "https://a.example/" } });
  for (const handler of [() => kept.clone(), () => Promise.resolve(kept.clone())]) {
    const { ask, drain } = createStage(handler);
    assertEquals((await ask()).headers.get("connection"), null);
    drain();
    const answer = await ask();
    assertEquals([answer.status, await answer.text()], [307, "moved"]);
    assertEquals(answer.headers.get("connection"), "close");
    assertEquals(answer.headers.get("location"), "https://a.example/");
  }
  // An answer that is kept, and sent again, is not changed itself.
  assertEquals(kept.headers.get("connection"), null);
});

Deno.test("a handler is drained once no request came for a quarter of a second", async () => {
  const stage = createStage(() => new Response());
  stage.drain();
  for (let time = 0; time < 3; time++) {
    await stage.timers.pass(200);
    await stage.ask();
    await stage.timers.pass(50);
  }
  assertEquals(stage.drained, false);
  await stage.timers.pass(250);
  assertEquals(stage.drained, true);
  assertEquals(stage.timers.waiting, 0);
});

Deno.test("a handler is drained after two seconds, though it is asked on, and drains once only", async () => {
  const stage = createStage(() => new Response());
  stage.drain();
  for (let ms = 0; ms < 1900; ms += 100) {
    await stage.ask();
    await stage.timers.pass(100);
  }
  assertEquals(stage.drained, false);
  stage.drain();
  await stage.ask();
  await stage.timers.pass(100);
  assertEquals(stage.drained, true);
  assertEquals(stage.timers.waiting, 0);
});
