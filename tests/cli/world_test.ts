import { assert, assertEquals } from "@std/assert";
import { createWorld } from "../../lib/cli/world.ts";

Deno.test("createWorld() has a clock that does not run backwards, near the time of day", () => {
  const world = createWorld({ fetch, now: () => 5 });
  const times = Array.from({ length: 100 }, () => world.now());
  assertEquals(times, times.toSorted((one, other) => one - other));
  // Who reads it as seconds since 1970 is right but for what the clock was corrected by.
  assert(Math.abs(times[0]! - Date.now()) < 86_400_000);
  assertEquals(world.timeOfDay(), 5);
  assert(world.random() < 1);
});

Deno.test("createWorld() has timers that call back once, and not when they are cancelled", async () => {
  const { later } = createWorld({ fetch, now: Date.now });
  const called: string[] = [];
  const cancel = later(0, () => void called.push("cancelled"));
  cancel();
  await new Promise<void>((resolve) => {
    later(0, () => {
      called.push("due");
      resolve();
    });
  });
  assertEquals(called, ["due"]);
  // What should have been over already is due; the runtime warns of a negative time.
  await new Promise<void>((resolve) => void later(-5, resolve));
});

Deno.test("createWorld() asks anew on a connection of its own each time, and else on one that it keeps", async () => {
  const ports: number[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (_, { remoteAddr }) => {
      ports.push(remoteAddr.port);
      return new Response("a blob");
    },
  );
  const world = createWorld({ fetch, now: Date.now });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  for (const ask of [world.fetch, world.fetch, world.fetchAnew, world.fetchAnew]) {
    assertEquals(await (await ask(url, { method: "GET" })).text(), "a blob");
  }
  assertEquals(ports[0], ports[1]);
  assertEquals(new Set(ports.slice(1)).size, 3);
  world.close();
  await server.shutdown();
});
