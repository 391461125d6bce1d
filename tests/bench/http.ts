/**
 * What a request costs: the server against a bare `Deno.serve` that sends one fixed
 * 307, and against nginx with the same data, as ratios of CPU time within one run.
 *
 * Each server in turn runs on one core and wrk on another, several rounds over, so
 * that whatever else the machine does touches all of them alike. What counts is the
 * CPU time that the server's process has used, not the time that has passed.
 *
 * @module
 */

import { readDataSet } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 5);
const SECONDS = Number(Deno.env.get("BENCH_SECONDS") ?? 2);
const SERVER_CORE = "0";
const LOAD_CORE = "1";
const CLIENT = "35.180.1.1, 10.0.0.1";
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const PATHS = {
  manifest: "/v2/kube-proxy/manifests/v1.30.0",
  blob: `/v2/kube-proxy/blobs/${DIGEST}`,
} as const;
// Of a blob that depends on the client's address.
const FOR_ONE_CLIENT = "private, no-store";
const UPSTREAM = "https://us-central1-docker.pkg.dev";
const UPSTREAM_PATH = "k8s-artifacts-prod/images";

interface Server {
  readonly name: string;
  readonly port: number;
  readonly process: Deno.ChildProcess;
}

const folder = await Deno.makeTempDir({ prefix: "archeio-bench-" });
const started: Deno.ChildProcess[] = [];

function start(command: string, args: string[], env: Record<string, string> = {}) {
  const process = new Deno.Command("taskset", {
    args: ["-c", SERVER_CORE, command, ...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: Deno.env.has("BENCH_DEBUG") ? "inherit" : "null",
  }).spawn();
  started.push(process);
  return process;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function ask(port: number, path: string): Promise<string> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { "x-forwarded-for": CLIENT },
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

// Of the process and all of its children: nginx's work is done by a child.
async function cpuNanoseconds(pid: number): Promise<number> {
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

async function load(port: number, path: string, seconds: number): Promise<number> {
  const { stdout } = await new Deno.Command("taskset", {
    args: [
      ...["-c", LOAD_CORE, "wrk", "-t1", "-c32", `-d${seconds}s`],
      ...["-H", `X-Forwarded-For: ${CLIENT}`, `http://127.0.0.1:${port}${path}`],
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  const [, requests] = /(\d+) requests in/.exec(text) ?? [];
  if (requests === undefined || /Non-2xx/.test(text)) throw new Error(`wrk said: ${text}`);
  return Number(requests);
}

async function microsecondsPerRequest({ port, process }: Server, path: string): Promise<number> {
  await load(port, path, 1);
  const before = await cpuNanoseconds(process.pid);
  const requests = await load(port, path, SECONDS);
  return (await cpuNanoseconds(process.pid) - before) / requests / 1000;
}

// One that sends what archeio would send, so that both move the same bytes.
async function startBare(headers: Readonly<Record<string, string>>): Promise<Server> {
  const file = `${folder}/bare.ts`;
  await Deno.writeTextFile(
    file,
    `const [port, text] = Deno.args;
const headers = JSON.parse(text);
Deno.serve({ hostname: "127.0.0.1", port: Number(port) }, () =>
  new Response(null, { status: 307, headers }));`,
  );
  const port = freePort();
  const text = JSON.stringify(headers);
  const args = ["run", "--no-config", "--allow-net", file, String(port), text];
  return { name: "bare Deno.serve", port, process: start(Deno.execPath(), args) };
}

async function startArcheio(mirror: string): Promise<Server> {
  const file = `${folder}/archeio.yaml`;
  await Deno.writeTextFile(
    file,
    // As it would run: with metrics, and with a line for each pull.
    `log: { pulls: true }
upstreams: { main: { endpoint: "${UPSTREAM}", path: ${UPSTREAM_PATH} } }
mirrors: { near: { url: "${mirror}" } }
rules: [ { clients: [ "gcp/*" ] }, { clients: [ aws/eu-west-3 ], mirrors: [ near ] } ]
`,
  );
  const port = freePort();
  const env = { HOST: "127.0.0.1", PORT: String(port) };
  // By the same Deno as the bare server, from source: what is compared is the code.
  const args = ["run", "-A", "main.ts", "serve", "--config", file];
  const process = start(Deno.execPath(), args, env);
  return { name: "archeio", port, process };
}

async function startNginx(mirror: string): Promise<Server> {
  const port = freePort();
  const lines: string[] = [];
  let region = "";
  readDataSet(EMBEDDED, {
    location: (name) => void (region = name),
    prefix: (address, length) => void lines.push(`${formatPrefix({ address, length })} ${region};`),
  });
  const file = `${folder}/nginx.conf`;
  await Deno.writeTextFile(
    file,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 512; }
http {
  access_log off; keepalive_requests 1000000000; server_tokens off;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  map $http_x_forwarded_for $client { "~([0-9A-Fa-f.:]+)[ ]*,[^,]*$" $1; default $remote_addr; }
  geo $client $region { default none; ${lines.join("\n")} }
  map $region $store { default ""; aws/eu-west-3 "${mirror}"; }
  server {
    listen 127.0.0.1:${port};
    location ~ "^/v2/(?<name>[a-z0-9._/-]+)/blobs/(?<digest>sha256:[a-f0-9]{64})$" {
      add_header Cache-Control "private, no-store" always;
      if ($store = "") {
        return 307 ${UPSTREAM}/v2/${UPSTREAM_PATH}/$name/blobs/$digest$is_args$args;
      }
      return 307 $store/$digest;
    }
    location ~ "^/v2/(?<name>[a-z0-9._/-]+)/manifests/(?<reference>[A-Za-z0-9._:-]+)$" {
      return 307 ${UPSTREAM}/v2/${UPSTREAM_PATH}/$name/manifests/$reference$is_args$args;
    }
  }
}
`,
  );
  const process = start("nginx", ["-p", folder, "-c", file, "-e", "stderr"]);
  return { name: "nginx", port, process };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function requirePrograms(): Promise<void> {
  for (const name of ["taskset", "wrk", "nginx"]) {
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `command -v ${name}`],
      stdout: "null",
    }).output();
    if (!success) {
      console.error(`bench:http needs ${name}: apt-get install util-linux wrk nginx-light`);
      Deno.exit(2);
    }
  }
}

await requirePrograms();
// It has one blob; a mirror that said 200 to everything would be down.
const mirror = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  ({ url }) => new Response("x", { status: url.endsWith(DIGEST) ? 200 : 404 }),
);
try {
  const mirrorUrl = `http://127.0.0.1:${mirror.addr.port}/containers/images`;
  const locations = {
    manifest: `${UPSTREAM}/v2/${UPSTREAM_PATH}${PATHS.manifest.slice(3)}`,
    blob: `${mirrorUrl}/${DIGEST}`,
  };
  const archeio = await startArcheio(mirrorUrl);
  const nginx = await startNginx(mirrorUrl);
  const kinds = ["manifest", "blob"] as const;
  const cases: { kind: typeof kinds[number]; server: Server; costs: number[] }[] = [];
  for (const kind of kinds) {
    const location = locations[kind];
    const headers = kind === "blob" ? { "cache-control": FOR_ONE_CLIENT, location } : { location };
    for (const server of [await startBare(headers), archeio, nginx]) {
      const got = await ask(server.port, PATHS[kind]);
      if (got !== `307 ${locations[kind]}`) throw new Error(`${server.name}: ${kind}: ${got}`);
      cases.push({ kind, server, costs: [] });
    }
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { kind, server, costs } of cases) {
      costs.push(await microsecondsPerRequest(server, PATHS[kind]));
    }
  }
  console.log(`CPU per request, median of ${ROUNDS} rounds\n`);
  console.log("                       manifest  known blob");
  for (const name of ["bare Deno.serve", "archeio", "nginx"]) {
    const [manifest, blob] = cases.filter(({ server }) => server.name === name)
      .map(({ costs }) => `${median(costs).toFixed(2)} µs`);
    console.log(`${name.padEnd(22)}${manifest!.padStart(9)}${blob!.padStart(12)}`);
  }
  // Each round's ratio on its own, for the machine's speed drifts from round to round.
  const costsOf = (name: string, kind: string) =>
    cases.find((each) => each.server.name === name && each.kind === kind)!.costs;
  for (const other of ["bare Deno.serve", "nginx"]) {
    const [manifest, blob] = kinds.map((kind) => {
      const others = costsOf(other, kind);
      return median(costsOf("archeio", kind).map((cost, round) => cost / others[round]!));
    });
    const name = `archeio / ${other}`.padEnd(26);
    console.log(`${name}${manifest!.toFixed(2).padStart(5)}${blob!.toFixed(2).padStart(12)}`);
  }
} finally {
  for (const process of started) {
    process.kill("SIGTERM");
    await process.status;
  }
  await mirror.shutdown();
  await Deno.remove(folder, { recursive: true });
}
