/**
 * Servers and load for benches: a server on one core, wrk on another, and the CPU time that
 * the server's process has used.
 *
 * @module
 */

import { BALANCER, type Traffic } from "./traffic.ts";

/** A server under test. */
export interface Server {
  /** Its name in the table. */
  readonly name: string;
  /** The port that it listens on. */
  readonly port: number;
  /** Its process. */
  readonly process: Deno.ChildProcess;
}

const SERVER_CORE = "0";
const LOAD_CORE = "1";

/** Starts a program on the servers' core. */
export function startOnCore(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Deno.ChildProcess {
  return new Deno.Command("taskset", {
    args: ["-c", SERVER_CORE, command, ...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: Deno.env.has("BENCH_DEBUG") ? "inherit" : "null",
  }).spawn();
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Asks once the server listens; resolves to `<status> <location>`. */
export async function ask(port: number, path: string, client: string): Promise<string> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { "x-forwarded-for": `${client}, ${BALANCER}` },
        redirect: "manual",
      });
      await response.body?.cancel();
      return `${response.status} ${response.headers.get("location")}`;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Requests that wrk plays. */
export interface Script {
  /** The file of wrk's script. */
  readonly file: string;
  /** How many requests there are. */
  readonly count: number;
}

/** Writes the script that plays a traffic in a circle, from any of its requests on. */
export async function writeScript(
  folder: string,
  name: string,
  { plays }: Traffic,
): Promise<Script> {
  const requests = `${folder}/${name}.txt`;
  await Deno.writeTextFile(
    requests,
    plays.map(({ path, client }) => `${path} ${client}\n`).join(""),
  );
  const file = `${folder}/${name}.lua`;
  await Deno.writeTextFile(
    file,
    `local requests, at = {}, 0
init = function(args)
  at = tonumber(args[1] or "0")
  for line in io.lines("${requests}") do
    local path, client = line:match("(%S+) (%S+)")
    requests[#requests + 1] = wrk.format("GET", path, {
      Host = "127.0.0.1", ["User-Agent"] = "containerd/v2.1.4",
      ["X-Forwarded-For"] = client .. ", ${BALANCER}",
    })
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
`,
  );
  return { file, count: plays.length };
}

/**
 * Plays requests for some seconds, beginning with any of them.
 *
 * @returns how many were answered
 */
export async function load(
  port: number,
  { file, count }: Script,
  seconds: number,
  from = Math.floor(Math.random() * count),
): Promise<number> {
  const { stdout, stderr } = await new Deno.Command("taskset", {
    args: [
      ...["-c", LOAD_CORE, "wrk", "-t1", "-c32", `-d${seconds}s`, "-s", file],
      ...[`http://127.0.0.1:${port}`, "--", String(from)],
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  const [, requests] = /(\d+) requests in/.exec(text) ?? [];
  if (requests === undefined || /Non-2xx/.test(text)) {
    throw new Error(`wrk said: ${text}${new TextDecoder().decode(stderr)}`);
  }
  return Number(requests);
}

/** The CPU time of a process and all of its children: nginx's work is done by a child. */
export async function cpuNanoseconds(pid: number): Promise<number> {
  let sum = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const schedstat = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`);
    sum += Number(schedstat.split(" ")[0]);
    const children = await Deno.readTextFile(`/proc/${pid}/task/${name}/children`);
    for (const child of children.trim().split(" ")) {
      if (child !== "") sum += await cpuNanoseconds(Number(child));
    }
  }
  return sum;
}

/** The CPU time of a request in microseconds, over some seconds of load. */
export async function microsecondsPerRequest(
  { port, process }: Server,
  script: Script,
  seconds: number,
): Promise<number> {
  await load(port, script, 1);
  const before = await cpuNanoseconds(process.pid);
  const requests = await load(port, script, seconds);
  return (await cpuNanoseconds(process.pid) - before) / requests / 1000;
}

/** The resident memory of a process in megabytes. */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

/** The median. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Ends the program when one that it needs is missing. */
export async function requirePrograms(names: readonly string[], packages: string): Promise<void> {
  for (const name of names) {
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `command -v ${name}`],
      stdout: "null",
    }).output();
    if (success) continue;
    console.error(`this bench needs ${name}: apt-get install ${packages}`);
    Deno.exit(2);
  }
}
