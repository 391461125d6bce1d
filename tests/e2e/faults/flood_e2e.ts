/**
 * Floods. `FLOOD_DIGESTS=200000` plays the one of unknown digests at full length.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { ask, askAll, blobPath, createAnswers, p99 } from "./asking.ts";
import { numberedBlob, startFaultyStore } from "./faulty_store.ts";
import { startProgram } from "./program.ts";

const DIGESTS = Number(Deno.env.get("FLOOD_DIGESTS") ?? 10_000);
const AT_ONCE = 500;
const KNOWN = 1;
const UNKNOWN = 2;
const MOST_IN_FLIGHT = 40;
const MOST_ENTRIES = 4000;

Deno.test(`a flood of ${DIGESTS} unknown digests: few probes, bounded memory, and known blobs as before`, async () => {
  await using mirror = startFaultyStore({
    find: (path) => path.includes(`/sha256:${KNOWN}0`) ? numberedBlob(path) : undefined,
    delayMs: 20,
  });
  await using program = await startProgram(`
upstreams: { main: { endpoint: "http://main.example" } }
mirrors: { near: { url: "${mirror.url}" } }
rules: [ { clients: [ "*" ], mirrors: [ near ] } ]
probe: { max_in_flight: ${MOST_IN_FLIGHT}, max_entries: ${MOST_ENTRIES} }
`);
  const known = Array.from({ length: 100 }, (_, number) => blobPath(number, KNOWN));
  await askAll(program.url, known, { clients: 10, answers: createAnswers() });

  const before = createAnswers();
  for (let at = 0; at < 2000; at++) await pace(() => ask(program.url, known[at % 100]!, before));
  const memoryBefore = await program.residentMiB();

  const during = createAnswers();
  const flooded = createAnswers();
  let flooding = true;
  const pulls = (async () => {
    for (let at = 0; flooding; at++) await pace(() => ask(program.url, known[at % 100]!, during));
  })();
  const unknown = Array.from({ length: DIGESTS }, (_, number) => blobPath(number, UNKNOWN));
  const began = performance.now();
  await askAll(program.url, unknown, { clients: AT_ONCE, answers: flooded });
  const seconds = (performance.now() - began) / 1000;
  flooding = false;
  await pulls;

  const memoryAfter = await program.residentMiB();
  console.log(
    `${Math.round(DIGESTS / seconds)} unknown digests a second; ` +
      `known blobs' p99 ${p99(before).toFixed(1)} ms before, ${p99(during).toFixed(1)} ms during ` +
      `(${(p99(during) / p99(before)).toFixed(2)} times); ` +
      `memory ${memoryBefore.toFixed(0)} MiB before, ${memoryAfter.toFixed(0)} MiB after; ` +
      `most probes at once ${mirror.mostAtOnce}`,
  );
  assertEquals([...during.counts.keys()], [`307 ${mirror.url}`]);
  assertEquals([...flooded.counts.entries()], [["307 http://main.example", DIGESTS]]);
  assert(mirror.mostAtOnce <= MOST_IN_FLIGHT, `${mirror.mostAtOnce} probes at once`);
  assert(memoryAfter < memoryBefore + 64, `${memoryAfter} MiB`);
  const remembered = await program.metric("archeio_known_blobs");
  assert(remembered <= MOST_ENTRIES, `${remembered} answers are remembered`);
  assertEquals(await program.metric("archeio_known_blobs", "found"), known.length);
});

async function pace(work: () => Promise<void>): Promise<void> {
  await work();
  await new Promise((resolve) => setTimeout(resolve, 2));
}

/** What a client may send to take what others need: connections, time, memory. */
const ODD_REQUESTS: Readonly<Record<string, string>> = {
  "slow headers": "GET /v2/ HTTP/1.1\r\nHost: slow",
  "a body with GET": `GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${
    "x".repeat(100_000)
  }`,
  "64 KB of headers": `GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Large: ${"x".repeat(65_536)}\r\n\r\n`,
};

for (const [name, text] of Object.entries(ODD_REQUESTS)) {
  Deno.test(`200 connections with ${name}: others are served, and all is well after it`, async () => {
    await using program = await startProgram(TRIVIAL);
    const flood = await connect(program.url, 200, text);
    try {
      await assertServes(program.url);
    } finally {
      for (const connection of flood) connection.close();
    }
    await assertServes(program.url);
  });
}

Deno.test("a full file table: connections that are open are served, and all is well after it", async () => {
  await using program = await startProgram(TRIVIAL, { openFiles: 256 });
  const { hostname, port } = new URL(program.url);
  using kept = await Deno.connect({ hostname, port: Number(port) });
  await assertAnswered(kept);
  const flood = await connect(program.url, 400, ODD_REQUESTS["slow headers"]!);
  try {
    await assertAnswered(kept);
  } finally {
    for (const connection of flood) connection.close();
  }
  await untilServes(program.url);
  await assertAnswered(kept);
});

const TRIVIAL = `
upstreams: { main: { endpoint: "http://main.example" } }
`;

async function connect(url: string, count: number, text: string): Promise<Deno.TcpConn[]> {
  const { hostname, port } = new URL(url);
  const connections: Deno.TcpConn[] = [];
  for (let number = 0; number < count; number++) {
    try {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      connections.push(connection);
      // Whoever does not read what it is sent is not waited for.
      connection.write(new TextEncoder().encode(text)).catch(() => {});
    } catch {
      // The server has no room for it.
    }
  }
  return connections;
}

async function assertServes(url: string): Promise<void> {
  const answers = createAnswers();
  await askAll(url, Array<string>(50).fill("/v2/app/manifests/v1"), { clients: 5, answers });
  assertEquals([...answers.counts], [["307 http://main.example", 50]]);
}

async function untilServes(url: string): Promise<void> {
  for (;;) {
    try {
      return await assertServes(url);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function assertAnswered(connection: Deno.TcpConn): Promise<void> {
  await connection.write(new TextEncoder().encode("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"));
  const buffer = new Uint8Array(1000);
  const length = await connection.read(buffer);
  const answer = new TextDecoder().decode(buffer.subarray(0, length ?? 0));
  assert(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
}
