import { assertEquals } from "@std/assert";
import { addNumbers, createNumbers, createNumbersMemory } from "../../lib/observe/numbers.ts";
import { relayFamilies } from "../../lib/observe/relay_metrics.ts";
import { readMetrics, valueOf } from "./prometheus.ts";

const BASE = "https://registry.example/v2/";
const UPSTREAMS = [
  { number: 0, name: "main", base: BASE },
  { number: 1, name: "ghcr", base: BASE, relayed: "pulls" },
] as const;

Deno.test("metrics tell what was relayed, of relaying upstreams alone", () => {
  const memories = [createNumbersMemory(), createNumbersMemory()];
  for (const [at, memory] of memories.entries()) {
    const { relay } = createNumbers(memory);
    relay.relayed(1, "memory");
    for (const status of [200, 206, 302, 401, 403, 404, 405, 429, 503]) {
      relay.responded(1, status, 20);
    }
    relay.responded(1, 200, 60_000);
    relay.unanswered(1);
    relay.tokenAsked("denied");
    relay.remaining(1, 70 + at);
    relay.set("streams", 2);
    relay.add("streamed_bytes", 1000);
  }
  const families = readMetrics([...relayFamilies(addNumbers(memories).relay, UPSTREAMS)].join(""));
  const upstream = "ghcr";
  const cases: readonly [name: string, labels: Record<string, string>, value: number][] = [
    ["archeio_relayed_total", { upstream, result: "memory" }, 2],
    ["archeio_relayed_total", { upstream, result: "stale" }, 0],
    ["archeio_relay_upstream_responses_total", { upstream, code: "2xx" }, 6],
    ["archeio_relay_upstream_responses_total", { upstream, code: "4xx" }, 2],
    ["archeio_relay_upstream_responses_total", { upstream, code: "none" }, 2],
    ["archeio_relay_rate_limit_remaining", { upstream }, 70],
    ["archeio_relay_tokens_total", { result: "denied" }, 2],
    ["archeio_relay_streams", {}, 4],
    ["archeio_relay_streamed_bytes_total", {}, 2000],
  ];
  for (const [name, labels, value] of cases) {
    assertEquals(valueOf(families, name, labels), value, `${name} ${JSON.stringify(labels)}`);
  }
  assertEquals([...relayFamilies(addNumbers(memories).relay, UPSTREAMS.slice(0, 1))], []);
});
