import { assert, assertEquals } from "@std/assert";
import { createBoard, createBoardMemory } from "../../lib/mirrors/board.ts";
import type { LastCheck } from "../../lib/mirrors/checks.ts";
import { createEvents } from "../../lib/observe/events.ts";
import { METRICS_TYPE } from "../../lib/observe/exposition.ts";
import { addLocated } from "../../lib/observe/located.ts";
import { formatMetrics, type Standing } from "../../lib/observe/metrics.ts";
import {
  addNumbers,
  createNumbers,
  createNumbersMemory,
  LATENCY_BOUNDS_S,
  type Numbers,
} from "../../lib/observe/numbers.ts";
import { ROUTES } from "../../lib/observe/routes.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import {
  CLIENTS,
  createWorld,
  patiently,
  readTestConfig,
  SIGNED_CONFIG,
} from "../redirect/fixture.ts";
import { createHostileRequests, createRandom } from "../redirect/hostile.ts";
import { readMetrics, valueOf } from "./prometheus.ts";

/** A program that stands as some change made it. */
function standingOf(count: (numbers: Numbers) => void = () => {}): Standing {
  const memory = createNumbersMemory();
  count(createNumbers(memory));
  return {
    ...createNumbering().enter(readTestConfig(SIGNED_CONFIG)),
    totals: addNumbers([memory]),
    board: createBoard(createBoardMemory()),
    lastCheck: () => undefined,
    probesInFlight: 0,
    dataSet: [
      { provider: "aws", source: "", date: "2026-01-02", prefixes: 3, locations: 2 },
      { provider: "gcp", source: "", date: "2026-01-01", prefixes: 1, locations: 1 },
    ],
    events: { ...createEvents(), fetchedS: new Map([["aws", 1_767_400_000]]) },
    versions: { version: "1.2.3", deno: "2.9.6" },
    isolates: 2,
    residentBytes: 123_456_789,
    cpuS: 12.5,
    located: addLocated([], new Map()),
    locations: [],
    startedS: 1_767_225_600.5,
  };
}

const LAST: LastCheck = {
  result: { kind: "good" },
  answer: "status 206",
  status: 206,
  tookMs: 250,
  atS: 1,
};

const read = (standing: Standing) => readMetrics(formatMetrics(standing));

Deno.test("metrics are named as Prometheus' conventions say, each with its help and type", () => {
  assertEquals(METRICS_TYPE, "text/plain; version=0.0.4; charset=utf-8");
  const families = read({ ...standingOf(), lastCheck: () => LAST });
  assert(families.size > 10);
  for (const { name, type, help, samples } of families.values()) {
    assert(/^(?:archeio|process)(?:_[a-z]+)+$/.test(name), name);
    assert(/^[A-Z].*[^.]\.$/.test(help) && !help.includes("\\"), `${name}: ${help}`);
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assert(!/_(?:counter|gauge|histogram|count|sum|bucket|ms|milliseconds|kb)(?:_|$)/.test(name));
    assert(samples.length > 0, `${name} has no sample`);
    const seen = new Set(samples.map((sample) => sample.name + JSON.stringify(sample.labels)));
    assertEquals(seen.size, samples.length, `${name} has a sample twice`);
    for (const { name: own, labels } of samples) {
      const suffix = own.slice(name.length);
      assert(own.startsWith(name) && ["", "_bucket", "_sum", "_count"].includes(suffix), own);
      assertEquals(suffix !== "", type === "histogram", own);
      assertEquals("le" in labels, suffix === "_bucket", own);
    }
  }
});

Deno.test("metrics tell what was counted, by names of the configuration", () => {
  const counted = standingOf((numbers) => {
    numbers.redirected("blob");
    numbers.redirected("blob");
    numbers.answered("invalid", 400);
    numbers.answered("blob", 500);
    numbers.toMirror(0, false);
    numbers.toMirror(1, true);
    numbers.toUpstream(0, "missing");
    numbers.toUpstream(1, "signature");
    numbers.asked(1, "failed", 20);
    numbers.known(5, 7);
  });
  const families = read({ ...counted, probesInFlight: 2 });
  const cases: readonly [name: string, labels: Record<string, string>, value: number][] = [
    ["archeio_requests_total", { route: "blob", code: "307" }, 2],
    ["archeio_requests_total", { route: "blob", code: "500" }, 1],
    ["archeio_requests_total", { route: "invalid", code: "400" }, 1],
    ["archeio_mirror_redirects_total", { mirror: "paris", reason: "found" }, 1],
    ["archeio_mirror_redirects_total", { mirror: "paris", reason: "fallback" }, 0],
    ["archeio_mirror_redirects_total", { mirror: "cdn", reason: "fallback" }, 1],
    ["archeio_upstream_redirects_total", { upstream: "main", reason: "missing" }, 1],
    ["archeio_upstream_redirects_total", { upstream: "signatures", reason: "signature" }, 1],
    ["archeio_upstream_redirects_total", { upstream: "signatures", reason: "down" }, 0],
    ["archeio_probes_total", { mirror: "cdn", result: "failed" }, 1],
    ["archeio_probes_in_flight", {}, 2],
    ["archeio_known_blobs", { state: "found" }, 5],
    ["archeio_known_blobs", { state: "missing" }, 7],
    ["archeio_data_set_prefixes", { provider: "aws" }, 3],
    ["archeio_data_set_published_timestamp_seconds", { provider: "aws" }, 1_767_312_000],
    ["archeio_workers", {}, 2],
    ["archeio_build_info", { version: "1.2.3", deno: "2.9.6" }, 1],
    ["process_resident_memory_bytes", {}, 123_456_789],
    ["process_start_time_seconds", {}, 1_767_225_600.5],
  ];
  for (const [name, labels, value] of cases) {
    assertEquals(valueOf(families, name, labels), value, `${name} ${JSON.stringify(labels)}`);
  }
});

Deno.test("metrics have no time for a provider whose date nobody knows", () => {
  const dataSet = [{
    provider: "azure",
    source: "https://azure.example/",
    prefixes: 3,
    locations: 1,
  }];
  const families = read({ ...standingOf(), dataSet });
  assertEquals(families.get("archeio_data_set_published_timestamp_seconds")!.samples, []);
  assertEquals(valueOf(families, "archeio_data_set_prefixes", { provider: "azure" }), 3);
});

Deno.test("metrics have the usual answer of each route from the start, and no others", () => {
  const { samples } = read(standingOf()).get("archeio_requests_total")!;
  const codes: Readonly<Record<string, string>> = {
    version: "200",
    backends: "200",
    invalid: "400",
    method: "405",
    catalog: "404",
    nothing: "404",
  };
  assertEquals(
    samples,
    ROUTES.map((route) => ({
      name: "archeio_requests_total",
      labels: { route, code: codes[route] ?? "307" },
      value: 0,
    })),
  );
});

Deno.test("metrics tell what happened to the program", () => {
  const standing = standingOf();
  Object.assign(standing.events, {
    reloads: 1,
    refusedReloads: 2,
    refreshes: 3,
    failedRefreshes: 4,
    mirrorsDown: 5,
    mirrorsUp: 6,
    replacedIsolates: 7,
    lostPullLines: 8,
    lostEventLines: 9,
  });
  standing.board.takeDown(1);
  for (let time = 0; time < 3; time++) standing.board.noteFound(1, false);
  const families = read({ ...standing, lastCheck: (mirror) => mirror === 0 ? LAST : undefined });
  const cases: readonly [name: string, labels: Record<string, string>, value: number][] = [
    ["archeio_reloads_total", { result: "taken" }, 1],
    ["archeio_reloads_total", { result: "refused" }, 2],
    ["archeio_data_set_refreshes_total", { result: "taken" }, 3],
    ["archeio_data_set_refreshes_total", { result: "failed" }, 4],
    ["archeio_data_set_fetched_timestamp_seconds", { provider: "aws" }, 1_767_400_000],
    ["archeio_mirror_transitions_total", { to: "down" }, 5],
    ["archeio_mirror_transitions_total", { to: "up" }, 6],
    ["archeio_worker_replacements_total", {}, 7],
    ["archeio_pull_log_lost_lines_total", {}, 8],
    ["archeio_event_log_lost_lines_total", {}, 9],
    ["archeio_mirror_not_found_in_a_row", { mirror: "paris" }, 0],
    ["archeio_mirror_not_found_in_a_row", { mirror: "cdn" }, 3],
    ["archeio_mirror_last_check_seconds", { mirror: "paris" }, 0.25],
    ["archeio_mirror_up", { mirror: "paris" }, 1],
    ["archeio_mirror_up", { mirror: "cdn" }, 0],
  ];
  for (const [name, labels, value] of cases) {
    assertEquals(valueOf(families, name, labels), value, `${name} ${JSON.stringify(labels)}`);
  }
  // Of a mirror that was not checked yet, there is no time.
  const unchecked = valueOf(families, "archeio_mirror_last_check_seconds", { mirror: "cdn" });
  assertEquals(unchecked, undefined);
});

Deno.test("metrics have a histogram of how long probes took, its buckets cumulated", () => {
  const families = read(standingOf((numbers) => {
    for (const tookMs of [1, 4, 30, 30, 9999, 60_000]) numbers.asked(0, "missing", tookMs);
    numbers.askedUpstream(0, "found", 200);
    numbers.asked(0, "unsent", 200);
  }));
  const { type, samples } = families.get("archeio_probe_duration_seconds")!;
  assertEquals(type, "histogram");
  const of = (result: string) => samples.filter(({ labels }) => labels.result === result);
  const missing = of("missing");
  const bounds = [...LATENCY_BOUNDS_S.map(String), "+Inf"];
  assertEquals(missing.map(({ labels }) => labels.le), [...bounds, undefined, undefined]);
  assertEquals(
    missing.map(({ value }) => value),
    [2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 5, 6, 70.064, 6],
  );
  assertEquals(of("found").at(-1)!.value, 1);
  // What was not sent took no time that says anything.
  assertEquals(of("unsent"), []);
});

Deno.test("metrics of a mirror that got another URL are those of the new one", () => {
  const standing = standingOf((numbers) => {
    for (let time = 0; time < 5; time++) numbers.toMirror(0, false);
    numbers.toMirror(2, false);
    numbers.asked(0, "found", 1);
  });
  const numbering = createNumbering();
  numbering.enter(readTestConfig(SIGNED_CONFIG));
  const { mirrors } = numbering.enter(readTestConfig({
    ...SIGNED_CONFIG,
    mirrors: { paris: { url: "https://paris.example/moved" }, cdn: { url: "https://c.example" } },
  }));
  assertEquals(mirrors.map(({ number }) => number), [2, 3]);
  standing.board.takeDown(0);
  const families = read({ ...standing, mirrors });
  const paris = { mirror: "paris" };
  const redirects = { ...paris, reason: "found" };
  assertEquals(valueOf(families, "archeio_mirror_redirects_total", redirects), 1);
  assertEquals(valueOf(families, "archeio_probes_total", { ...paris, result: "found" }), 0);
  assertEquals(valueOf(families, "archeio_mirror_up", paris), 1);
});

Deno.test("metrics tell nothing of a mirror or an upstream that is configured no more", () => {
  const standing = standingOf((numbers) => {
    numbers.toMirror(0, false);
    numbers.toUpstream(0, "down");
  });
  const { mirrors: [_, cdn], upstreams: [__, signatures] } = standing;
  const text = formatMetrics({ ...standing, mirrors: [cdn!], upstreams: [signatures!] });
  assert(!text.includes('"paris"') && !text.includes('"main"'));
  assert(text.includes('"cdn"') && text.includes('"signatures"'));
});

Deno.test("metrics are well-formed with no mirror, and whatever a version is", () => {
  const odd = 'a"b\\c\nd';
  const families = read({
    ...standingOf(),
    mirrors: [],
    upstreams: [],
    dataSet: [],
    versions: { version: odd },
  });
  assertEquals(families.get("archeio_mirror_up")!.samples, []);
  assertEquals(valueOf(families, "archeio_build_info", { version: odd }), 1);
});

Deno.test("no request makes a label or a value of one that there was not", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const next = createHostileRequests(createRandom(seed));
  const { redirector, clock, totals, board } = await createWorld(SIGNED_CONFIG);
  const seen = () =>
    read({ ...standingOf(), totals: totals(), board }).values().toArray()
      .flatMap(({ samples }) => samples);
  const allowed = new Set([...ROUTES, "paris", "cdn", "main", "signatures", "aws", "gcp"]);
  const before = seen();
  for (let count = 0; count < 2000; count++) {
    const { method, url, headers } = next();
    const request = { method, url, headers: { get: (name: string) => headers.get(name) ?? null } };
    const peer: Deno.Addr = { transport: "tcp", hostname: CLIENTS.google, port: 1 };
    const answer = redirector.fetch(request as unknown as Request, { remoteAddr: peer });
    await patiently(clock, answer);
  }
  const after = seen();
  assert(after.length <= before.length + 4 * ROUTES.length, `seed ${seed}`);
  for (const { labels } of after) {
    for (const name of ["route", "mirror", "upstream", "provider"]) {
      const value = labels[name];
      assert(value === undefined || allowed.has(value), `seed ${seed}: ${name} is ${value}`);
    }
    const keys = Object.keys(labels).join();
    assert(before.some((sample) => Object.keys(sample.labels).join() === keys), `seed ${seed}`);
  }
});
