/**
 * The servers that benches compare: archeio, and others that send the same redirects from the
 * same data.
 *
 * @module
 */

import { readDataSet } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";
import { freePort, type Server, startOnCore } from "./load.ts";

/** What clients are sent to: clients in AWS to one mirror, those in GCP to the upstream. */
export interface Targets {
  /** The mirror of clients in AWS. */
  readonly near: string;
  /** The mirror of clients in no cloud. */
  readonly far: string;
}

const UPSTREAM = "https://us-central1-docker.pkg.dev";
const UPSTREAM_PATH = "k8s-artifacts-prod/images";
/** What repository names are appended to. */
export const UPSTREAM_BASE = `${UPSTREAM}/v2/${UPSTREAM_PATH}`;
/** `Cache-Control` of answers that depend on the client's address. */
export const FOR_ONE_CLIENT = "private, no-store";

/** Starts a `Deno.serve` that makes a new `Response` of the same headers each time. */
export async function startBare(
  folder: string,
  name: string,
  headers: Readonly<Record<string, string>>,
): Promise<Server> {
  const file = `${folder}/bare.ts`;
  await Deno.writeTextFile(
    file,
    `const [port, text] = Deno.args;
const headers = JSON.parse(text);
Deno.serve({ hostname: "127.0.0.1", port: Number(port) }, () =>
  new Response(null, { status: 307, headers }));`,
  );
  const port = freePort();
  const args = ["run", "--no-config", "--allow-net", file, String(port), JSON.stringify(headers)];
  return { name, port, process: startOnCore(Deno.execPath(), args) };
}

/** A running archeio. */
export interface Archeio extends Server {
  /** The port of its admin listener. */
  readonly admin: number;
}

/** How to start archeio. */
export interface ArcheioOptions {
  /** Its name in the table. */
  readonly name: string;
  /** Whether it writes a line for each pull. */
  readonly pulls: boolean;
  /** A compiled program; by default it runs from source, by the Deno that runs this. */
  readonly program?: string;
}

/** Starts archeio with metrics on. */
export async function startArcheio(
  folder: string,
  { near, far }: Targets,
  { name, pulls, program }: ArcheioOptions,
): Promise<Archeio> {
  const admin = freePort();
  const file = `${folder}/${name.replaceAll(/\W+/g, "-")}.yaml`;
  // Probes are not held back, so that all blobs are soon known.
  await Deno.writeTextFile(
    file,
    `log: { pulls: ${pulls} }
admin: { host: 127.0.0.1, port: ${admin} }
upstreams: { main: { endpoint: "${UPSTREAM}", path: ${UPSTREAM_PATH} } }
mirrors: { near: { url: "${near}" }, far: { url: "${far}" } }
rules:
  - { clients: [ "gcp/*" ], mirrors: [] }
  - { clients: [ "aws/*" ], mirrors: [ near ] }
  - { clients: [ "*" ], mirrors: [ far ] }
probe: { max_entries: 400000, max_in_flight: 4096, max_per_s: 100000 }
`,
  );
  const port = freePort();
  const env = { HOST: "127.0.0.1", PORT: String(port) };
  const args = ["serve", "--config", file];
  const process = program === undefined
    ? startOnCore(Deno.execPath(), ["run", "-A", "--unstable-net", "main.ts", ...args], env)
    : startOnCore(program, args, env);
  return { name, port, admin, process };
}

/** Calls a function with each prefix of the data set, and its location. */
function forEachPrefix(tell: (prefix: string, location: string) => void): void {
  let region = "";
  readDataSet(EMBEDDED, {
    location: (name) => void (region = name),
    prefix: (address, length) => tell(formatPrefix({ address, length }), region),
  });
}

/** Starts nginx, one worker, with `geo` and `map`. */
export async function startNginx(folder: string, { near, far }: Targets): Promise<Server> {
  const port = freePort();
  const lines: string[] = [];
  forEachPrefix((prefix, location) => void lines.push(`${prefix} ${location};`));
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
  map $region $store { default "${far}"; ~^aws/ "${near}"; ~^gcp/ ""; }
  server {
    listen 127.0.0.1:${port};
    location ~ "^/v2/(?<name>[a-z0-9._/-]+)/blobs/(?<digest>sha256:[a-f0-9]{64})$" {
      add_header Cache-Control "${FOR_ONE_CLIENT}" always;
      if ($store = "") {
        return 307 ${UPSTREAM_BASE}/$name/blobs/$digest$is_args$args;
      }
      return 307 $store/$digest;
    }
    location ~ "^/v2/(?<name>[a-z0-9._/-]+)/manifests/(?<reference>[A-Za-z0-9._:-]+)$" {
      return 307 ${UPSTREAM_BASE}/$name/manifests/$reference$is_args$args;
    }
  }
}
`,
  );
  const process = startOnCore("nginx", ["-p", folder, "-c", file, "-e", "stderr"]);
  return { name: "nginx", port, process };
}

/** Starts HAProxy, one thread, with `map_ip`. */
export async function startHaproxy(folder: string, { near, far }: Targets): Promise<Server> {
  const port = freePort();
  const lines: string[] = [];
  forEachPrefix((prefix, location) => void lines.push(`${prefix} ${location}`));
  await Deno.writeTextFile(`${folder}/locations.map`, lines.join("\n"));
  const file = `${folder}/haproxy.cfg`;
  const answer = (target: string, andIf = "") =>
    `http-request return status 307 hdr location "${target}" ` +
    `hdr cache-control "${FOR_ONE_CLIENT}" if { path -m reg ${BLOB_PATH} }${andIf}`;
  await Deno.writeTextFile(
    file,
    `global
  nbthread 1
  maxconn 512
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend all
  bind 127.0.0.1:${port}
  http-request set-var(txn.region) req.hdr_ip(x-forwarded-for,-2),map_ip(${folder}/locations.map,none) if { path_sub /blobs/ }
  ${answer(`${near}/%[path,field(-1,/)]`, " { var(txn.region) -m beg aws/ }")}
  ${answer(`${UPSTREAM_BASE}/%[path,regsub(^/v2/,)]`, " { var(txn.region) -m beg gcp/ }")}
  ${answer(`${far}/%[path,field(-1,/)]`)}
  http-request return status 307 hdr location "${UPSTREAM_BASE}/%[path,regsub(^/v2/,)]" if { path -m reg ^/v2/[a-z0-9._/-]+/manifests/[A-Za-z0-9._:-]+$ }
  http-request return status 404
`,
  );
  const process = startOnCore("haproxy", ["-db", "-f", file]);
  return { name: "HAProxy", port, process };
}

const BLOB_PATH = "^/v2/[a-z0-9._/-]+/blobs/sha256:[a-f0-9]{64}$";
