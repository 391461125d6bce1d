import { assertEquals } from "@std/assert";
import type { RelayBounds } from "../../../lib/redirect/relay/relay_bounds.ts";
import { createShares } from "../../../lib/redirect/relay/shares.ts";
import { createAsk, createSource } from "../../../lib/redirect/relay/source.ts";
import { createVirtualClock } from "../../mirrors/virtual_clock.ts";

const BOUNDS: RelayBounds = {
  memoryBytes: 1000,
  tagTtlMs: 1000,
  staleMs: 1000,
  missingTtlMs: 1000,
  timeoutMs: 100,
  stream: true,
  maxStreams: 1,
  maxInFlight: 10,
  maxPerS: 1000,
};
const UPSTREAM = { number: 0, name: "main", base: "https://registry.example/v2/" };
const SOURCE = createSource(UPSTREAM, {
  base: UPSTREAM.base,
  tokenHosts: [],
  redirectHosts: [],
});

Deno.test("an upstream is asked when its turn comes, if that is in time and there is a place", async () => {
  const table = [
    { delayMs: 0, expected: ["missing", 1, 1] },
    { delayMs: 99, expected: ["missing", 1, 1] },
    { delayMs: 101, expected: ["busy", 0, 1] },
    { delayMs: undefined, expected: ["busy", 0, 0] },
  ];
  for (const { delayMs, expected } of table) {
    const clock = createVirtualClock(1000);
    let asked = 0;
    let left = 0;
    const ask = createAsk({
      registry: () => {
        asked++;
        return Promise.resolve({ kind: "missing" });
      },
      gate: {
        enter: () => delayMs,
        hasRoom: () => true,
        leave: () => void left++,
        turnAway: () => undefined,
      },
      shares: createShares(() => BOUNDS, clock.now),
      bounds: () => BOUNDS,
      now: clock.now,
      later: clock.later,
      onUnanswered() {},
      stop: new AbortController().signal,
    });
    const question = {
      asked: { kind: "tags", name: "app", query: "" },
      method: "GET",
      rank: "known",
    } as const;
    const answer = ask(SOURCE, question, ({ kind }) => kind);
    await clock.pass(200);
    assertEquals([await answer, asked, left], expected);
  }
});
