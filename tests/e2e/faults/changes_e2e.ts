/**
 * Changes while requests come: configurations that are read again, data sets that are
 * fetched anew, the end. No request is dropped, none answered wrongly.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { entriesOf, type Entry, formatPublished } from "../../cli/published_files.ts";
import { PROVIDERS } from "../../../lib/locations/providers.ts";
import { type Program, startProgram } from "./program.ts";
import { FROM_PARIS } from "./pulls.ts";

interface Answer {
  /** When the request was sent, in milliseconds of `performance.now()`. */
  readonly askedAt: number;
  readonly location: string;
}

interface Load {
  readonly answers: readonly Answer[];
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

const MANIFEST = "/v2/app/manifests/v1";

/** Clients that ask one request after another. */
function startLoad(url: string, path: string, clients = 8): Load {
  const answers: Answer[] = [];
  const failures: string[] = [];
  let stopped = false;
  async function client(): Promise<void> {
    while (!stopped) {
      const askedAt = performance.now();
      try {
        const answer = await fetch(url + path, { redirect: "manual", headers: FROM_PARIS });
        await answer.body?.cancel();
        answers.push({ askedAt, location: answer.headers.get("location") ?? `${answer.status}` });
      } catch (error) {
        failures.push(describe(error));
        return;
      }
    }
  }
  const running = Array.from({ length: clients }, client);
  return {
    answers,
    failures,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

for (const workers of [1, 2]) {
  Deno.test(`20 reloads under load, ${workers} at work: each counts from then on, none drops a request`, async () => {
    const configFor = (number: number) =>
      `workers: ${workers}\nupstreams: { main: { endpoint: "http://r${number}.example" } }\n`;
    await using program = await startProgram(configFor(0));
    const load = startLoad(program.url, MANIFEST);
    const takenAt = [performance.now()];
    for (let number = 1; number <= 20; number++) {
      await program.reload(configFor(number));
      await program.logged("configuration reloaded", number);
      takenAt.push(performance.now());
      await until(() => load.answers.at(-1)!.askedAt > takenAt[number]! + 20);
    }
    await program.reload("upstreams: {}");
    await program.logged("configuration not reloaded: the old one stays");
    const refusedAt = performance.now();
    await until(() => load.answers.at(-1)!.askedAt > refusedAt + 20);
    await load.stop();
    assertEquals(load.failures, []);
    for (const { askedAt, location } of load.answers) {
      const [, number] = /^http:\/\/r(\d+)\.example\/v2\/app\/manifests\/v1$/.exec(location)!;
      // The one that was in use when it was asked, or the next, which was being taken.
      const inUse = takenAt.filter((at) => at <= askedAt).length - 1;
      assert(Number(number) === inUse || Number(number) === inUse + 1, `${number}, not ${inUse}`);
    }
    assertEquals(await program.metric("archeio_reloads_total", "taken"), 20);
    assertEquals(await program.metric("archeio_reloads_total", "refused"), 1);
  });
}

// Two regions that the prefix of the clients here may be of.
const REGIONS = ["eu-west-3", "eu-north-1"] as const;

function publishedIn(region: string): string {
  const moved = entriesOf("aws").map(([own, prefix]): Entry =>
    prefix === "35.180.0.0/16" ? [region, prefix] : [own, prefix]
  );
  return formatPublished("aws", moved);
}

Deno.test("5 data sets fetched under load: each counts from then on, a bad file changes nothing", async () => {
  const files = REGIONS.map(publishedIn);
  let aws = files[1]!;
  await using sources = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const provider = new URL(request.url).pathname.slice(1);
    return new Response(provider === "aws" ? aws : formatPublished(provider, entriesOf(provider)));
  });
  const base = `http://127.0.0.1:${sources.addr.port}`;
  await using program = await startProgram(`
workers: 2
upstreams: { main: { endpoint: "http://main.example" }, north: { endpoint: "http://north.example" } }
rules: [ { clients: [ aws/eu-north-1 ], upstream: north } ]
ranges: { refresh_h: 0.001, sources: { ${
    PROVIDERS.map(({ name }) => `${name}: "${base}/${name}"`)
  } } }
`);
  const load = startLoad(program.url, MANIFEST);
  for (let number = 1; number <= 5; number++) {
    await program.logged("data set refreshed", number);
    const takenAt = performance.now();
    const expected = number % 2 === 1 ? "north" : "main";
    aws = files[(number + 1) % 2]!;
    await until(() => load.answers.at(-1)!.askedAt > takenAt + 100);
    const after = load.answers.filter(({ askedAt }) => askedAt >= takenAt);
    assertEquals(
      new Set(after.map(({ location }) => location)),
      new Set([`http://${expected}.example${MANIFEST}`]),
    );
  }
  aws = aws.slice(0, 1000);
  await program.logged("providers not refreshed: their old data stays");
  await load.stop();
  assertEquals(load.failures, []);
  assert(await program.metric("archeio_data_set_refreshes_total", "taken") >= 5);
});

for (const workers of [1, 2]) {
  Deno.test(`SIGTERM under load, ${workers} at work: whatever comes until the load balancer knows is answered`, async () => {
    await using program = await startProgram(
      `workers: ${workers}\nupstreams: { main: { endpoint: "http://main.example" } }\n`,
    );
    const load = startLoad(program.url, MANIFEST);
    await until(() => load.answers.length > 1000);
    program.signal("SIGTERM");
    const stoppingAt = performance.now();
    // As a load balancer does: it learns that the program is not to get requests any more,
    // and until it has, it goes on sending them.
    await waitUnready(program);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await load.stop();
    assertEquals(load.failures, []);
    assertEquals(
      new Set(load.answers.map(({ location }) => location)),
      new Set([`http://main.example${MANIFEST}`]),
    );
    assert(load.answers.some(({ askedAt }) => askedAt > stoppingAt + 400));
    assertEquals((await program.status).code, 0);
  });
}

async function waitUnready({ admin }: Program): Promise<void> {
  for (;;) {
    const { status, body } = await fetch(`${admin}/readyz`);
    await body?.cancel();
    if (status === 503) return;
  }
}

// "fetch failed" alone says little; what it was caused by says more.
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
