import { assertEquals } from "@std/assert";
import { createMirrorStates } from "../../lib/observe/mirror_states.ts";

const mirror = (name: string, number: number, url = `https://${name}.example`) => ({
  name,
  number,
  url,
  fallbackLimit: Infinity,
});

Deno.test("a mirror's state is known since it was configured, or has changed", () => {
  const clock = { ms: 1 };
  const states = createMirrorStates(() => clock.ms);
  const [near, far] = [mirror("near", 0), mirror("far", 1)];
  assertEquals(states.of(near), undefined);
  states.enter([near]);
  clock.ms = 2;
  states.down(near, "status 500");
  states.down(far, "status 500");
  assertEquals(states.of(near), { sinceMs: 2, reason: "status 500" });
  assertEquals(states.of(far), undefined);
  clock.ms = 3;
  states.enter([near, far]);
  assertEquals(states.of(near), { sinceMs: 2, reason: "status 500" });
  assertEquals(states.of(far), { sinceMs: 3, reason: null });
  clock.ms = 4;
  states.up(near);
  assertEquals(states.of(near), { sinceMs: 4, reason: null });
});

Deno.test("a mirror that moves to another URL begins anew, and so does one with a removed one's number", () => {
  const clock = { ms: 1 };
  const states = createMirrorStates(() => clock.ms);
  states.enter([mirror("near", 0)]);
  states.down(mirror("near", 0), "status 500");
  clock.ms = 2;
  const moved = mirror("near", 1, "https://other.example");
  states.enter([moved, mirror("new", 0)]);
  assertEquals(states.of(moved), { sinceMs: 2, reason: null });
  assertEquals(states.of(mirror("new", 0)), { sinceMs: 2, reason: null });
  assertEquals(states.of(mirror("near", 0)), undefined);
});
