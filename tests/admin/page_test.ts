import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  formatBytes,
  formatCount,
  formatNumber,
  formatRate,
  formatShare,
  formatShort,
  formatSince,
  formatSpan,
  formatTime,
} from "../../lib/admin/page/format.ts";
import { html } from "../../lib/admin/page/html.ts";
import { renderPage, titleOf } from "../../lib/admin/page/page.ts";
import { MAP_HEIGHT, MAP_WIDTH, project } from "../../lib/admin/page/projection.ts";
import type { Status } from "../../lib/admin/status.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import { tryCoordinates } from "../../lib/locations/coordinates.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { digestSources } from "../page/sources.ts";
import { CDN, CLIENTS, CONFIG, DIGEST, PARIS } from "../redirect/fixture.ts";
import { createProgram } from "./fixture.ts";
import { textOf } from "./page_text.ts";

const NO_QUESTIONS = { texts: { address: "", path: "", lookup: "" } };

Deno.test("text from outside is only ever text", () => {
  const table = [
    { asked: "<script>alert(1)</script>", expected: "&lt;script&gt;alert(1)&lt;/script&gt;" },
    { asked: `" onload='x'`, expected: "&quot; onload=&#39;x&#39;" },
    { asked: "&amp;", expected: "&amp;amp;" },
    { asked: "a\u202eb\u0000c\x1b[2J", expected: "a\ufffdb\ufffdc\ufffd[2J" },
    { asked: 5, expected: "5" },
    { asked: null, expected: "" },
    { asked: false, expected: "" },
    { asked: undefined, expected: "" },
    { asked: ["<", html`<b>${"<"}</b>`, ["x"]], expected: "&lt;<b>&lt;</b>x" },
  ] as const;
  for (const { asked, expected } of table) {
    assertEquals(
      html`<p title="${asked}">${asked}</p>`.html,
      `<p title="${expected}">${expected}</p>`,
    );
  }
});

/** Puts a text in each place of a value that has one. */
function fill(value: unknown, text: string, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => fill(item, text, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        key === "series" && name.startsWith("mirror:") ? `mirror:${text}` : name,
        fill(item, text, name),
      ]),
    );
  }
  const isText = typeof value === "string" && !/^\d{4}-\d\d-\d\d/.test(value);
  return isText && !["severity", "kind", "state", "result"].includes(key) ? text : value;
}

/** A program that has something of everything. */
async function createFull(): Promise<Status> {
  const { world, tell, journal, setup, states, repositories, history, checks } =
    await createProgram({
      config: CONFIG,
      answers: { [PARIS + DIGEST]: 200, [CDN + DIGEST]: 200 },
    });
  for (const client of Object.values(CLIENTS)) {
    await (await world.answer(`/v2/app/blobs/${DIGEST}`, { client })).text();
  }
  journal.add({ kind: "started", subject: null, text: "The program accepts requests." });
  journal.add({ kind: "mirror_down", subject: "paris", text: "Mirror paris is down." });
  repositories.note("app");
  states.down(setup.mirrors[0]!, "status 500");
  world.board.takeDown(0);
  const result = { kind: "bad", reason: "status 500" } as const;
  checks.set(0, { atS: 1, result, answer: "", status: undefined, tookMs: 1 });
  const mirrors = Array.from({ length: 9 }, (_, at) => [`mirror:m${at}`, at] as const);
  for (const atMs of [10_000, 20_000, 40_000]) {
    const shared = [["to_mirrors", 3], ["blobs_to_upstreams", atMs === 20_000 ? 0 : 1]] as const;
    const readings = new Map([["requests", 1], ["memory", 1e8], ...shared, ...mirrors]);
    history.record(world.clock.now() + atMs, readings);
  }
  return await tell();
}

Deno.test("hostile text is harmless wherever text comes from outside", async () => {
  const status = await createFull();
  const hostile = `"'><img src=x onerror=alert(1)><script>alert(2)</script>`;
  const filled = fill(status, hostile) as Status;
  const page = renderPage(filled, {
    texts: { address: hostile, path: hostile, lookup: hostile },
    explained: { kind: "mistake", message: hostile },
    found: {
      kind: "answer",
      answer: { address: hostile, location: hostile, prefix: hostile },
    },
  });
  assertEquals(/<img|<script>|onerror=alert\(1\)>/.test(page), false);
  // Its own script is the only one, and no attribute has another's text unquoted.
  assertEquals(page.match(/<script/g)?.length, 1);
  assertStringIncludes(page, "&lt;img src=x onerror=alert(1)&gt;");
  const tags = page.matchAll(/<[a-z][^<>]*>/g).map(([tag]) => tag).toArray();
  for (const tag of tags) {
    assertEquals(/[a-z]=[^"\s>]/.test(tag.replaceAll(/"[^"]*"/g, '""')), false, tag);
  }
});

Deno.test("the page answers the questions of the person on call", async () => {
  const { ask, world } = await createProgram({
    config: CONFIG,
    answers: { [CDN + DIGEST]: 200 },
  });
  await (await world.answer(`/v2/app/blobs/${DIGEST}`, { client: CLIENTS.paris })).text();
  world.board.takeDown(0);
  const path = `/?address=${CLIENTS.paris}&path=/v2/app/blobs/${DIGEST}&lookup=${CLIENTS.google}`;
  const { status, headers, body } = await ask(path);
  assertEquals([status, headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const text = textOf(body);
  for (
    const expected of [
      "1 of 2 mirrors is down",
      "Mirror paris is down: its checks fail. Its clients are sent to cdn.",
      "aws/eu-west-3 1 100 % 100 % paris, cdn rule 2",
      "Rule 2, for aws/eu-west-3",
      "Mirror paris does not serve: it is down",
      "Mirror cdn serves: it is known to have the blob",
      `Answer 307 to ${CDN}${DIGEST}`,
      "34.155.1.1 is in gcp/europe-west9 , by the prefix 34.155.0.0/16.",
      "paris.example:443 blobs, for clients in aws/eu-west-3",
      "aws https://aws.example/ranges.json 0 d 2026-01-01 3 2",
    ]
  ) assertStringIncludes(text, expected);
  assertEquals(titleOf(JSON.parse((await ask("/status")).body)), "1 down · archeio");
});

Deno.test("the page says what is wrong with a question", async () => {
  const { ask } = await createProgram();
  for (const query of ["?address=nowhere&path=/v2/", "?address=192.0.2.1&path=", "?lookup=x"]) {
    assertStringIncludes((await ask(`/${query}`)).body, 'class="mistake" role="alert"', query);
  }
  const { body } = await ask(`/?lookup=${CLIENTS.elsewhere}`);
  assertStringIncludes(textOf(body), "203.0.113.9 is in no known location.");
});

Deno.test("the way of a request is drawn for every kind of answer", async () => {
  const { ask, world } = await createProgram({ answers: { [PARIS + DIGEST]: 404 } });
  const explain = async (path: string, client: string = CLIENTS.paris) =>
    textOf((await ask(`/?address=${client}&path=${encodeURIComponent(path)}`)).body);
  const blob = `/v2/app/blobs/${DIGEST}`;
  assertStringIncludes(await explain(blob), "Mirror paris serves: it is asked first, and");
  assertStringIncludes(
    await explain(blob),
    "Mirror cdn does not serve: it is asked if those before",
  );
  await (await world.answer(blob, { client: CLIENTS.paris })).text();
  assertStringIncludes(await explain(blob), "Mirror paris does not serve: it lacks the blob");
  assertStringIncludes(await explain(blob), "Signature upstream serves");
  assertStringIncludes(await explain(blob, CLIENTS.elsewhere), "Location none is known");
  assertStringIncludes(await explain("/v2/"), "Answer status 200");
  assertStringIncludes(await explain("/v2/"), "Rule none: the answer does not depend on");
  assertStringIncludes(await explain("/v2/A/tags/list"), "Answer 400 NAME_INVALID:");
  world.answers.set(CDN + DIGEST, 200);
  await world.clock.pass(60_000);
  await (await world.answer(blob, { client: CLIENTS.elsewhere })).text();
  world.answers.set(PARIS + DIGEST, 200);
  await world.clock.pass(60_000);
  assertStringIncludes(await explain(blob), "Mirror paris does not serve: a later one is known");
});

Deno.test("the way of a request tells the repository, and what comes of its blobs", async () => {
  const { ask } = await createProgram({
    config: {
      ...CONFIG,
      repositories: { app: { upstream: "signatures", as: "acme/app" }, "*": {} },
    },
  });
  const explain = async (path: string) =>
    textOf((await ask(`/?address=${CLIENTS.paris}&path=${path}`)).body);
  const app = await explain("app:1.0");
  assertStringIncludes(app, "Repository acme/app in the upstream signatures, by the pattern app");
  assertStringIncludes(app, "its blobs come from paris, cdn, else from the upstream");
  assertStringIncludes(
    await explain("other:1.0"),
    "Repository other in the main upstream, or a rule's, by the pattern *",
  );
});

Deno.test("a mirror that takes no more for others is said to", async () => {
  const config = {
    ...CONFIG,
    mirrors: {
      paris: { url: "https://paris.example/blobs" },
      cdn: { url: "https://cdn.example/blobs", fallback_limit: 0 },
    },
  };
  const { ask, world } = await createProgram({ config });
  world.board.takeDown(0);
  const { body } = await ask(`/?address=${CLIENTS.paris}&path=/v2/app/blobs/${DIGEST}`);
  const text = textOf(body);
  assertStringIncludes(
    text,
    "Mirror cdn does not serve: it takes no more clients of mirrors that are down",
  );
  assertStringIncludes(text, "at most 0/s");
});

Deno.test("the page says that all is well, with any number of mirrors, or that nothing is ready", async () => {
  const trivial = { upstreams: { main: { endpoint: "https://registry.example" } } };
  const one = { ...trivial, mirrors: { cdn: { url: "https://cdn.example" } } };
  const table = [
    { asked: trivial, expected: "All is well: no mirrors" },
    {
      asked: { ...one, rules: [{ clients: ["*"], mirrors: ["cdn"] }] },
      expected: "All is well: 1 mirror up",
    },
    { asked: CONFIG, expected: "All is well: 2 mirrors up" },
  ];
  for (const { asked: config, expected } of table) {
    const { ask, tell, reasons, journal } = await createProgram({ config });
    assertStringIncludes(textOf((await ask("/")).body), expected);
    assertEquals(titleOf(await tell()), "archeio");
    journal.add({ kind: "reload_refused", subject: null, text: "Two mistakes." });
    assertStringIncludes(textOf((await ask("/")).body), "1 thing to look at");
    assertEquals(titleOf(await tell()), "(1) archeio");
    reasons.push("starting");
    assertStringIncludes(textOf((await ask("/")).body), "Not ready for requests");
  }
});

Deno.test("charts are interrupted where nothing was measured, and show the busiest mirrors", async () => {
  const page = renderPage(await createFull(), NO_QUESTIONS);
  // 10 s and 20 s, nothing at 30 s, then 40 s.
  assert(/<path class="c0" d="M0 \d+(?:\.\d)?L200 \d+(?:\.\d)?M600 \d+(?:\.\d)?"/.test(page));
  const text = textOf(page);
  assertStringIncludes(
    text,
    "m8 8/s m7 7/s m6 6/s m5 5/s m4 4/s m3 3/s 3 others 3/s upstreams 1/s",
  );
  assertStringIncludes(text, "resident 100 MB");
  assertStringIncludes(text, "Share of blobs that upstreams serve 50 % ");
  assertStringIncludes(text, "UTC upstreams 25 %");
});

Deno.test("the page loads nothing from elsewhere, and lets no other page in", async () => {
  const { ask } = await createProgram();
  const { headers, body } = await ask("/");
  const policy = headers.get("content-security-policy")!;
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) {
    assertStringIncludes(policy, part);
  }
  assertEquals(/unsafe|https?:|\*/.test(policy), false);
  assertEquals(headers.get("cache-control"), "no-store, no-transform");
  const sources = body.matchAll(/\b(?:src|href|action)="([^"]*)"/g).map(([, url]) => url!);
  for (const url of sources) assert(/^(?:\/(?!\/)|#|data:,$)/.test(url), url);
  assertEquals(/ style="|<style|\bon[a-z]+="/.test(body), false);
  const [script, style] = [await ask("/page.js"), await ask("/page.css")];
  assertEquals(script.headers.get("content-type"), "text/javascript; charset=utf-8");
  assertEquals(style.headers.get("content-type"), "text/css; charset=utf-8");
  assertEquals(/url\(|@import/.test(style.body), false);
});

async function compressedSize(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

Deno.test("the page takes at most 150 KB, compressed, with its script and style sheet", async () => {
  const { ask } = await createProgram();
  const bodies = await Promise.all(["/", "/page.js", "/page.css"].map((path) => ask(path)));
  const sizes = await Promise.all(bodies.map(({ body }) => compressedSize(body)));
  assert(sizes.reduce((sum, size) => sum + size) < 150_000, `${sizes}`);
});

Deno.test("the script and the style sheet are made of the sources as they are", async () => {
  const url = new URL("../../lib/admin/page/assets.ts", import.meta.url);
  const digest = await digestSources();
  assertStringIncludes(Deno.readTextFileSync(url), digest, "run `deno task page`");
});

Deno.test("numbers and times are formatted as people read them", () => {
  const table = [
    { asked: formatCount(1_234_567), expected: "1,234,567" },
    { asked: formatCount(null), expected: "–" },
    { asked: formatShort(12_345), expected: "12.3K" },
    { asked: formatShort(null), expected: "–" },
    { asked: formatRate(0.123), expected: "0.123/s" },
    { asked: formatRate(null), expected: "–" },
    { asked: formatShare(1, 3), expected: "33.3 %" },
    { asked: formatShare(0, 0), expected: "–" },
    { asked: formatShare(0, 5), expected: "0 %" },
    { asked: formatShare(5, 5), expected: "100 %" },
    { asked: formatShare(1, 100_000), expected: "< 0.1 %" },
    { asked: formatShare(99_999, 100_000), expected: "> 99.9 %" },
    { asked: formatBytes(0), expected: "0 B" },
    { asked: formatBytes(999), expected: "999 B" },
    { asked: formatBytes(1_234_567), expected: "1.23 MB" },
    { asked: formatBytes(null), expected: "–" },
    { asked: formatSpan(-5), expected: "0 s" },
    { asked: formatSpan(119_000), expected: "119 s" },
    { asked: formatSpan(120_000), expected: "2 min" },
    { asked: formatSpan(7_200_000), expected: "2 h" },
    { asked: formatSpan(200_000_000), expected: "2 d" },
    { asked: formatTime("2026-11-24T10:24:29.258Z"), expected: "2026-11-24 10:24:29 UTC" },
    { asked: formatNumber(1, "mirror"), expected: "1 mirror" },
    { asked: formatNumber(2000, "mirror"), expected: "2,000 mirrors" },
  ];
  for (const { asked, expected } of table) assertEquals(asked, expected);
  assertStringIncludes(formatSince("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z").html, ">9 s<");
});

Deno.test("every place with coordinates is a location of the data set, and on the map", () => {
  const locations = listLocations(EMBEDDED);
  const placed = locations.filter((location) => tryCoordinates(location) !== undefined);
  // All but the locations that are no place, and regions that are not open yet.
  assert(placed.length > 0.8 * locations.length, `${placed.length} of ${locations.length}`);
  for (const location of placed) {
    const [x, y] = project(tryCoordinates(location)!);
    assert(x > 0 && x < MAP_WIDTH && y > 0 && y < MAP_HEIGHT, location);
  }
  assertEquals(tryCoordinates("aws/GLOBAL"), undefined);
});

Deno.test("the page shows what is estimated and what is uncertain, and needs no history", async () => {
  const { history: _history, ...status } = await createFull();
  const page = renderPage({
    ...status,
    traffic: {
      ...status.traffic,
      mean_blob_bytes: 2_000_000,
      estimated_bytes_from_mirrors_per_day: 3e12,
      estimated_bytes_from_upstreams_per_day: 4e11,
    },
    repositories: [{ name: "app", pulls: 9, error: 2 }],
    data: [{ ...status.data[0]!, date: null, age_days: null }],
    events: [{ ...status.events[0]!, count: 5 }],
    upstreams: [{
      ...status.upstreams[0]!,
      asked: { found: 3, missing: 0, slow_down: 1, failed: 0, unsent: 0 },
      mean_ms: 12.3,
    }],
  }, NO_QUESTIONS);
  const text = textOf(page);
  for (
    const expected of [
      "Traffic in a day, estimated 400 GB from upstreams, 3 TB from mirrors, at 2 MB a blob",
      "app 9 2",
      "https://aws.example/ranges.json –",
      "Mirror paris is down. 5 times",
      "3 found, 1 slow down asked about signatures, 12.3 ms on average",
    ]
  ) assertStringIncludes(text, expected);
  assertEquals(page.includes("<figure"), false);
});
