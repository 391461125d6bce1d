/**
 * What the compiled program takes: time to its first answer against that of a compiled
 * one-line server, memory after a million different blobs, addresses looked up a second, CPU
 * for real traffic against the same code from source, by the Deno that runs this.
 *
 * Takes the path of a compiled program, and makes the one-line server with the same
 * `deno compile`. Memory and CPU need wrk.
 *
 * @module
 */

import { learn, startMirrors } from "./learn.ts";
import {
  freePort,
  median,
  microsecondsPerRequest,
  residentMegabytes,
  writeScript,
} from "./load.ts";
import { startArcheio } from "./servers.ts";
import { createZipfTraffic } from "./traffic.ts";

const [program, which = "start,memory,lookup,source"] = Deno.args;
if (program === undefined) {
  console.error("usage: program.ts PROGRAM [start,memory,lookup,source]");
  Deno.exit(2);
}
const folder = await Deno.makeTempDir({ prefix: "archeio-bench-" });

function start(command: string, port: number, args: string[] = []): Deno.ChildProcess {
  return new Deno.Command(command, {
    args,
    env: { HOST: "127.0.0.1", PORT: String(port) },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function stop(process: Deno.ChildProcess): Promise<void> {
  process.kill("SIGKILL");
  await process.status;
}

// Milliseconds from the start of the process to the first byte of its first answer.
async function firstAnswer(command: string, path: string): Promise<number> {
  const port = freePort();
  const began = performance.now();
  const process = start(command, port);
  try {
    for (;;) {
      try {
        using connection = await Deno.connect({ hostname: "127.0.0.1", port });
        const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n` +
          "X-Forwarded-For: 35.220.26.1, 10.0.0.1\r\n\r\n";
        await connection.write(new TextEncoder().encode(request));
        await connection.read(new Uint8Array(1024));
        return performance.now() - began;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  } finally {
    await stop(process);
  }
}

async function benchStart(program: string): Promise<void> {
  const oneLine = `${folder}/one_line`;
  await Deno.writeTextFile(
    `${oneLine}.js`,
    `Deno.serve({ port: Number(Deno.env.get("PORT")), hostname: "127.0.0.1", onListen() {} }, () =>
  new Response(null, { status: 307, headers: { location: "https://registry.example/" } }));`,
  );
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "--no-config", "--no-lock", "-A", "--output", oneLine, `${oneLine}.js`],
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("could not compile the one-line server");
  const digest = `sha256:${"0".repeat(64)}`;
  for (const path of ["/v2/", `/v2/pause/blobs/${digest}`]) {
    const times: { one: number; ours: number }[] = [];
    for (let round = 0; round < 15; round++) {
      times.push({ one: await firstAnswer(oneLine, "/"), ours: await firstAnswer(program, path) });
    }
    const one = median(times.map(({ one }) => one));
    const later = median(times.map(({ one, ours }) => ours - one));
    const name = path === "/v2/" ? "version check" : "blob";
    console.log(
      `first answer (${name}): ${later.toFixed(0)} ms after the one-line server's ` +
        `(${((one + later) / one).toFixed(2)} of its ${one.toFixed(0)} ms)`,
    );
  }
}

const BLOBS = 1_000_000;

async function benchMemory(program: string): Promise<void> {
  let asked = 0;
  // One that had every blob that nobody has would be down.
  const mirror = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    asked++;
    return new Response("x", { status: url.includes(":0000") ? 200 : 404 });
  });
  const config = `${folder}/archeio.yaml`;
  await Deno.writeTextFile(
    config,
    `upstreams: { main: { endpoint: "https://registry.example" } }
mirrors: { near: { url: "http://127.0.0.1:${mirror.addr.port}/images" } }
rules: [ { clients: [ "*" ], mirrors: [ near ] } ]
probe: { max_in_flight: 4096, max_per_s: 100000 }
`,
  );
  const port = freePort();
  const process = start(program, port, ["serve", "--config", config]);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  console.log(`memory at the start: ${(await residentMegabytes(process.pid)).toFixed(0)} MB`);
  for (let round = 0; asked < BLOBS; round++) {
    const script = `${folder}/blobs.lua`;
    await Deno.writeTextFile(
      script,
      `local n = ${round * 10_000_000}
request = function()
  n = n + 1
  return wrk.format("GET", string.format("/v2/pause/blobs/sha256:%064x", n),
    { Host = "x", ["X-Forwarded-For"] = "35.180.1.1, 10.0.0.1" })
end
`,
    );
    await new Deno.Command("wrk", {
      args: ["-t1", "-c32", "-d10s", "-s", script, `http://127.0.0.1:${port}`],
      stdout: "null",
    }).output();
    console.log(
      `memory after ${asked} blobs: ${(await residentMegabytes(process.pid)).toFixed(0)} MB`,
    );
  }
  await stop(process);
  await mirror.shutdown();
}

const LINES = 2_000_000;

async function benchLookup(program: string): Promise<void> {
  const file = `${folder}/addresses`;
  let text = "";
  for (let line = 0; line < LINES; line++) {
    const value = Math.imul(line, 2654435761) >>> 0;
    text += line % 4 === 0
      ? `2600:1f${(value >>> 24).toString(16).padStart(2, "0")}:${
        (value & 0xffff).toString(16)
      }::1\n`
      : `${value >>> 24}.${value >>> 16 & 255}.${value >>> 8 & 255}.${value & 255}\n`;
  }
  await Deno.writeTextFile(file, text);
  const began = performance.now();
  await new Deno.Command("sh", {
    args: ["-c", '"$0" lookup < "$1" > /dev/null', program, file],
  }).output();
  const seconds = (performance.now() - began) / 1000;
  console.log(`lookup: ${(LINES / seconds / 1000).toFixed(0)} thousand lines a second`);
}

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 7);
const SECONDS = Number(Deno.env.get("BENCH_SECONDS") ?? 3);

async function benchSource(program: string): Promise<void> {
  const traffic = createZipfTraffic();
  await using mirrors = startMirrors([traffic]);
  const script = await writeScript(folder, "real_traffic", traffic);
  const compiled = await startArcheio(folder, mirrors.targets, {
    name: "compiled",
    pulls: false,
    program,
  });
  const source = await startArcheio(folder, mirrors.targets, { name: "source", pulls: false });
  try {
    for (const one of [compiled, source]) await learn(one, traffic, script);
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const cost = await microsecondsPerRequest(compiled, script, SECONDS);
      ratios.push(cost / await microsecondsPerRequest(source, script, SECONDS));
    }
    console.log(`CPU for real traffic, compiled to source: ${median(ratios).toFixed(2)}`);
  } finally {
    for (const one of [compiled, source]) await stop(one.process);
  }
}

try {
  if (which.includes("start")) await benchStart(program);
  if (which.includes("lookup")) await benchLookup(program);
  if (which.includes("memory")) await benchMemory(program);
  if (which.includes("source")) await benchSource(program);
} finally {
  await Deno.remove(folder, { recursive: true });
}
