import { assertEquals, assertStringIncludes } from "@std/assert";
import { renderPage } from "../../lib/admin/page/page.ts";
import { statusOfRelay, statusOfRelayed } from "../../lib/admin/status_of_relay.ts";
import {
  addRelayNumbers,
  createRelayNumbers,
  RELAY_SIZE,
} from "../../lib/observe/relay_numbers.ts";
import type { Upstream } from "../../lib/routing/policy.ts";
import { createProgram } from "./fixture.ts";
import { textOf } from "./page_text.ts";

const MAIN: Upstream = { name: "main", number: 0, base: "https://main.example/v2/" };
const HUB: Upstream = { ...MAIN, name: "hub", number: 1, relayed: "pulls" };

/** The counters of two isolates that have relayed. */
function count() {
  const sections = [new Float64Array(RELAY_SIZE), new Float64Array(RELAY_SIZE)];
  for (const section of sections) {
    const numbers = createRelayNumbers(section);
    numbers.relayed(HUB.number, "memory");
    numbers.responded(HUB.number, 200, 20);
    numbers.tokenAsked("token");
    numbers.set("memory_bytes", 1_000_000);
    numbers.add("streamed_bytes", 500);
  }
  const numbers = createRelayNumbers(sections[0]!);
  numbers.relayed(HUB.number, "stale");
  numbers.remaining(HUB.number, 93);
  numbers.unanswered(HUB.number);
  return addRelayNumbers(sections);
}

Deno.test("what is relayed is told by upstream and for all together", () => {
  const totals = count();
  assertEquals([statusOfRelayed(MAIN, totals), statusOfRelay([MAIN], totals)], [null, null]);
  const { results, answers, ...rest } = statusOfRelayed(HUB, totals)!;
  assertEquals(rest, { what: "pulls", requests_left: 93 });
  assertEquals([results.memory, results.stale, results.fetched], [2, 1, 0]);
  assertEquals([answers["2xx"], answers.none], [2, 1]);
  const { tokens, ...relay } = statusOfRelay([MAIN, HUB], totals)!;
  assertEquals(tokens, { token: 2, denied: 0, slow_down: 0, failed: 0 });
  assertEquals(relay, { memory_bytes: 2_000_000, streams: 0, streamed_bytes: 1000, mean_ms: 20 });
  const nothing = addRelayNumbers([new Float64Array(RELAY_SIZE)]);
  assertEquals(statusOfRelay([HUB], nothing)!.mean_ms, null);
  assertEquals(statusOfRelayed(HUB, nothing)!.requests_left, null);
});

Deno.test("the page tells what relaying holds, what upstreams answer, and the quota left", async () => {
  const status = await (await createProgram()).tell();
  const [main] = status.upstreams;
  const totals = count();
  const page = renderPage({
    ...status,
    relay: statusOfRelay([HUB], totals),
    upstreams: [main!, { ...main!, name: "hub", relayed: statusOfRelayed(HUB, totals) }],
  }, { texts: { address: "", path: "", lookup: "" } });
  const text = textOf(page);
  for (
    const expected of [
      "hub https://upstream.example/v2/project/images/ 0/s 3 2 memory, 1 stale 2 2xx, 1 none asked",
      "93 more requests the quota left",
      "Relaying holds 2 MB of manifests and tags, streams 0 blobs now, and has streamed 1 KB.",
      "Its requests take 20 ms on average. Token services: 2 token.",
    ]
  ) assertStringIncludes(text, expected);
});
