/**
 * The core, timed on the real data set: lookups, hit and miss, parsed and from text;
 * the table; what a request asks for; a whole request but for the server.
 *
 * @module
 */

import { readConfig } from "../../lib/config/read.ts";
import { createLocator } from "../../lib/locations/locator.ts";
import { listLocations, readDataSet } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { type Address, formatAddress, isIpv4, tryAddress } from "../../lib/net/address.ts";
import { parseRequest } from "../../lib/oci/request.ts";
import { createPullLog } from "../../lib/observe/pull_log.ts";
import { createRedirector } from "../../lib/redirect/redirector.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import { createWorld } from "../../lib/cli/world.ts";
import { createProgramMemory } from "../../lib/server/memory.ts";
import { SILENT_LOG } from "../redirect/silent_log.ts";

const locator = createLocator(EMBEDDED);
while (locator.prepare());

const ROUND = 4096; // addresses an iteration, so that a timing is ROUND times the figure

// A fixed seed: the same addresses in the same order, whichever the machine.
let seed = 20260729;
function random(below: number): number {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return seed % below;
}

const prefixes: Address[] = [];
readDataSet(EMBEDDED, { prefix: (address) => void prefixes.push(address) });

function addresses(ipv4: boolean, hit: boolean): Address[] {
  const known = prefixes.filter((address) => isIpv4(address) === ipv4);
  const found: Address[] = [];
  while (found.length < ROUND) {
    const address = hit
      ? known[random(known.length)]!
      : Array.from({ length: ipv4 ? 2 : 8 }, () => random(0x10000));
    if (locator.locate(address) >= 0 === hit) found.push(address);
  }
  return found;
}

for (const ipv4 of [true, false]) {
  for (const hit of [true, false]) {
    const group = `${ROUND} lookups, ${ipv4 ? "IPv4" : "IPv6"}`;
    const parsed = addresses(ipv4, hit);
    const texts = parsed.map(formatAddress);
    Deno.bench(`parsed, ${hit ? "hit" : "miss"}`, { group }, () => {
      for (const address of parsed) locator.locate(address);
    });
    Deno.bench(`from text, ${hit ? "hit" : "miss"}`, { group }, () => {
      for (const text of texts) locator.locate(tryAddress(text)!);
    });
  }
}

Deno.bench("the table, from the loaded data set", () => {
  const locator = createLocator(EMBEDDED);
  while (locator.prepare());
});

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const BLOB = `http://127.0.0.1:8080/v2/kube-proxy/blobs/${DIGEST}`;
const MANIFEST = "http://127.0.0.1:8080/v2/kube-proxy/manifests/v1.30.0?ns=registry.k8s.io";

Deno.bench("parseRequest(), blob", { group: "request" }, () => {
  parseRequest("GET", BLOB);
});
Deno.bench("parseRequest(), manifest with a query", { group: "request" }, () => {
  parseRequest("GET", MANIFEST);
});

const read = readConfig(undefined, {
  environment: () => undefined,
  embedded: listLocations(EMBEDDED),
});
if (read.kind !== "config") throw new Error(read.mistakes.join("\n"));
const setup = {
  config: { ...read.config, log: { ...read.config.log, pulls: true } },
  dataSet: undefined,
  ...createNumbering().enter(read.config),
  isolates: 1,
};
// As it would run: with metrics, and with a line for each pull.
const world = createWorld({
  fetch: () => Promise.resolve(new Response()),
  now: Date.now,
});
const { fetch: handle } = createRedirector(setup, {
  ...world,
  dataSet: EMBEDDED,
  memory: createProgramMemory(1).of(0),
  pulls: createPullLog({ send() {}, now: Date.now, later: () => () => {} }),
  log: SILENT_LOG,
  stop: new AbortController().signal,
});
const info = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
} as const;
const headers = { "x-forwarded-for": "35.180.1.1, 10.0.0.1" };
// One that asks for a blob again and again would have it looked for a second time.
const blobRequest = new Request(BLOB, { headers, method: "HEAD" });
const repeatedRequest = new Request(BLOB, { headers });
const manifestRequest = new Request(MANIFEST, { headers });
await handle(blobRequest, info);

Deno.bench("the handler, known blob", { group: "request" }, () => {
  handle(blobRequest, info);
});
Deno.bench("the handler, known blob, asked for again", { group: "request" }, () => {
  handle(repeatedRequest, info);
});
Deno.bench("the handler, manifest", { group: "request" }, () => {
  handle(manifestRequest, info);
});
