import { assert, assertEquals } from "@std/assert";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { hideSecrets } from "../../lib/admin/hide_secrets.ts";
import { StatusSchema } from "../../lib/admin/status_schema.ts";
import type { Status } from "../../lib/admin/status.ts";
import { CDN, CLIENTS, CONFIG, DIGEST, OTHER_DIGEST, PARIS } from "../redirect/fixture.ts";
import { createProgram, type ProgramOptions } from "./fixture.ts";

/** Makes a program that has been asked for blobs and manifests, with a mirror that is down. */
async function createBusy(options: ProgramOptions = {}) {
  const program = await createProgram({
    config: CONFIG,
    answers: {
      [PARIS + DIGEST]: { status: 200, headers: { "content-length": "2000" } },
      [CDN + DIGEST]: { status: 200, headers: { "content-length": "4000" } },
    },
    ...options,
  });
  const { world, states, journal, setup, checks, repositories, history } = program;
  const ask = async (digest: string, client: string) =>
    await (await world.answer(`/v2/app/blobs/${digest}`, { client, method: "HEAD" })).text();
  await ask(DIGEST, CLIENTS.paris);
  await ask(DIGEST, CLIENTS.paris);
  await ask(OTHER_DIGEST, CLIENTS.paris);
  await ask(DIGEST, CLIENTS.google);
  const [paris] = setup.mirrors;
  await world.clock.pass(1000);
  world.board.takeDown(paris!.number);
  states.down(paris!, "status 500");
  journal.add({ kind: "mirror_down", subject: "paris", text: "Mirror paris is down." });
  checks.set(paris!.number, {
    atS: 5,
    result: { kind: "bad", reason: "status 500" },
    answer: "status 500",
    status: 500,
    tookMs: 12.345,
  });
  await ask(DIGEST, CLIENTS.paris);
  await ask(DIGEST, CLIENTS.elsewhere);
  await (await world.answer("/v2/app/tags/list")).text();
  repositories.note("app");
  for (const atMs of [10_000, 20_000]) {
    history.record(world.clock.now() + atMs, new Map([["requests", 1], ["to_mirrors", 2]]));
  }
  return program;
}

Deno.test("/status says which mirrors are down, since when and why", async () => {
  const { tell, world } = await createBusy();
  const { mirrors, problems } = await tell();
  const [paris, cdn] = mirrors;
  assertEquals(paris, {
    name: "paris",
    url: "https://paris.example/blobs",
    state: "down",
    since: new Date(world.clock.now()).toISOString(),
    reason: "status 500",
    last_check: {
      time: "1970-01-01T00:00:05.000Z",
      result: "bad",
      status: 500,
      reason: "status 500",
      ms: 12.3,
    },
    redirects: 2,
    redirects_per_s: 2,
    redirects_last_day: null,
    fallback_redirects: 0,
    probes: { found: 1, missing: 1, slow_down: 0, failed: 0, unsent: 0 },
    found_share: 0.5,
    not_found_in_a_row: 1,
    fallback_limit: null,
    fill: null,
  });
  assertEquals([cdn!.state, cdn!.reason, cdn!.last_check], ["up", null, null]);
  assertEquals([cdn!.redirects, cdn!.fallback_redirects], [2, 1]);
  assertEquals(problems.map(({ kind, subject, text }) => ({ kind, subject, text })), [{
    kind: "mirror_down",
    subject: "paris",
    text: "Mirror paris is down: status 500. Its clients are sent to cdn.",
  }]);
});

Deno.test("/status says where clients are, where they are sent, and why not to a mirror", async () => {
  const { tell } = await createBusy();
  const { clients, rules, traffic, repositories } = await tell();
  assertEquals(clients, {
    locations: [
      {
        location: "aws/eu-west-3",
        coordinates: [48.9, 2.4],
        pulls: 4,
        from_mirrors: 3,
        from_upstreams: 1,
        rule: 2,
      },
      {
        location: "gcp/europe-west9",
        coordinates: [48.9, 2.4],
        pulls: 1,
        from_mirrors: 0,
        from_upstreams: 1,
        rule: 1,
      },
    ],
    nowhere: 1,
    others: 0,
    not_looked_up: 1,
  });
  const told = rules.map(({ rule, mirrors, outcomes }) => ({
    rule,
    mirrors,
    outcomes: Object.entries(outcomes).filter(([, count]) => count > 0),
  }));
  assertEquals<unknown>(told, [
    { rule: 1, mirrors: [], outcomes: [["no_mirror", 1]] },
    {
      rule: 2,
      mirrors: ["paris", "cdn"],
      outcomes: [["found", 2], ["fallback", 1], ["missing", 1]],
    },
    { rule: 3, mirrors: ["cdn"], outcomes: [["found", 1], ["registry", 1]] },
  ]);
  assertEquals([traffic.blobs, traffic.blobs_from_mirrors, traffic.blobs_from_upstreams], [
    6,
    4,
    2,
  ]);
  assertEquals(traffic.requests, 7);
  assertEquals(repositories, [{ name: "app", pulls: 1, error: 0 }]);
});

Deno.test("/status estimates what a day costs by the size of the blobs that probes found", async () => {
  const { tell } = await createBusy();
  const { traffic } = await tell();
  assert(traffic.mean_blob_bytes !== null);
  // Two readings of 2 redirects a second, for 10 s each.
  assertEquals(traffic.estimated_bytes_from_mirrors_per_day, 40 * traffic.mean_blob_bytes!);
  assertEquals(traffic.estimated_bytes_from_upstreams_per_day, null);
});

Deno.test("/status has the history unless it is not asked for", async () => {
  const { ask, tell } = await createBusy();
  const { history } = await tell();
  assertEquals(history?.hour.step_s, 10);
  assertEquals(history?.hour.series.requests, [1, 1]);
  assertEquals(history?.day.series.to_mirrors, [2]);
  const { body } = await ask("/status?history=none");
  assertEquals("history" in JSON.parse(body), false);
});

Deno.test("/status validates against its schema, busy and empty, ready and not", async () => {
  const busy = await createBusy();
  const trivial = { upstreams: { main: { endpoint: "https://registry.example" } } };
  const empty = await createProgram({ config: trivial });
  for (const { tell, reasons, journal } of [busy, empty]) {
    v.parse(StatusSchema, await tell());
    reasons.push("stopping");
    journal.add({ kind: "reload_refused", subject: null, text: "two mistakes" });
    journal.add({ kind: "error", subject: null, text: "An unexpected error." });
    const status = v.parse(StatusSchema, await tell());
    const kinds = status.problems.map(({ kind }) => kind);
    assertEquals(kinds[0], "not_ready");
    assertEquals(kinds.slice(-2), ["reload_refused", "internal_error"]);
  }
});

function canRun(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: "docs/operation.md's jq prints the mirrors that are down (needs jq)",
  ignore: !canRun("jq"),
  async fn() {
    const { ask, world } = await createBusy();
    const { body } = await ask("/status");
    const url = new URL("../../docs/operation.md", import.meta.url);
    const [, filter] = /\/status \| jq '([^']+)'$/m.exec(await Deno.readTextFile(url))!;
    const args = ["--compact-output", filter!];
    const jq = new Deno.Command("jq", { args, stdin: "piped", stdout: "piped" }).spawn();
    const [{ success, stdout }] = await Promise.all([
      jq.output(),
      new Blob([body]).stream().pipeTo(jq.stdin),
    ]);
    const since = new Date(world.clock.now()).toISOString();
    assertEquals([success, JSON.parse(new TextDecoder().decode(stdout))], [
      true,
      { name: "paris", since, reason: "status 500" },
    ]);
  },
});

Deno.test("docs/status.schema.json is the schema", () => {
  const url = new URL("../../docs/status.schema.json", import.meta.url);
  const schema = JSON.parse(JSON.stringify(toJsonSchema(StatusSchema)));
  assertEquals(JSON.parse(Deno.readTextFileSync(url)), schema);
});

Deno.test("problems end when what failed succeeds, and tell of mirrors that have nothing", async () => {
  const { journal, tell, world, setup } = await createProgram();
  const kindsOf = ({ problems }: Status) => problems.map(({ kind, subject }) => [kind, subject]);
  journal.add({ kind: "reload_refused", subject: null, text: "mistakes" });
  journal.add({ kind: "refresh_failed", subject: null, text: "no answer" });
  assertEquals(kindsOf(await tell()), [["reload_refused", null], ["refresh_failed", null]]);
  journal.add({ kind: "configuration_reloaded", subject: null, text: "read again" });
  journal.add({ kind: "data_refreshed", subject: null, text: "new" });
  assertEquals(kindsOf(await tell()), []);
  journal.add({ kind: "error", subject: null, text: "An unexpected error." });
  assertEquals(kindsOf(await tell()), [["internal_error", null]]);
  await world.clock.pass(3_600_001);
  journal.add({ kind: "mirror_up", subject: "cdn", text: "up" });
  const cdn = setup.mirrors.find(({ name }) => name === "cdn")!;
  for (let blob = 0; blob < 100; blob++) world.board.noteFound(cdn.number, false);
  assertEquals(kindsOf(await tell()), [["mirror_has_nothing", "cdn"]]);
  await world.clock.pass(100 * 86_400_000);
  assertEquals(kindsOf(await tell()).at(-1), ["data_old", "aws"]);
});

Deno.test("every result of a check is told in a few words", async () => {
  const { tell, checks, setup } = await createProgram();
  const results = [
    { result: { kind: "good" }, reason: null },
    { result: { kind: "lost", key: `app@${DIGEST}` }, reason: `it has lost the blob ${DIGEST}` },
    { result: { kind: "has_all", reason: "it has all" }, reason: "it has all" },
    { result: { kind: "unsent" }, reason: "this machine could not send the request" },
  ] as const;
  for (const { result, reason } of results) {
    const last = { atS: 1, answer: "", status: undefined, tookMs: 1, result };
    checks.set(setup.mirrors[0]!.number, last);
    const [mirror] = (await tell()).mirrors;
    assertEquals(mirror!.last_check?.reason, reason);
    assertEquals([mirror!.last_check?.result, mirror!.last_check?.status], [result.kind, null]);
  }
});

Deno.test("upstreams tell what they were asked, and how long it took", async () => {
  const { tell, world } = await createProgram();
  await (await world.answer(`/v2/app/manifests/${DIGEST}`, { client: CLIENTS.paris })).text();
  const [main, signatures] = (await tell()).upstreams;
  assertEquals(main!.asked.missing, 1);
  assert(main!.mean_ms !== null && main!.mean_ms >= 0);
  assertEquals([signatures!.mean_ms, signatures!.redirects.signature], [null, 1]);
});

Deno.test("the configuration is shown without secrets", () => {
  const hidden = hideSecrets({
    upstreams: {
      hub: {
        credentials: { username: "bot", password: "p", password_file: "/run/secrets/hub" },
        token_hosts: ["auth.example"],
        token: "t",
      },
    },
    signature_upstream: "hub",
    store: { secret_access_key: "k", keys: ["a"], none: undefined },
    listen: { tls: { cert: "/c", key: "/k" } },
    tokens: ["a", "b"],
    admin: { token_file: "/t", port: 1 },
  });
  assertEquals(hidden, {
    upstreams: {
      hub: {
        credentials: { username: "bot", password: "(hidden)", password_file: "/run/secrets/hub" },
        token_hosts: ["auth.example"],
        token: "(hidden)",
      },
    },
    signature_upstream: "hub",
    store: { secret_access_key: "(hidden)", keys: ["a"], none: undefined },
    listen: { tls: { cert: "/c", key: "/k" } },
    tokens: ["(hidden)", "(hidden)"],
    admin: { token_file: "/t", port: 1 },
  });
});
