import { assert, assertEquals } from "@std/assert";
import type { Reply } from "../mirrors/fake_servers.ts";
import {
  CDN,
  CONFIG,
  type ConfigFile,
  createWorld,
  INFO_PAGE,
  MAIN,
  PARIS,
  patiently,
  PRIVACY_PAGE,
  SIGNATURES,
} from "./fixture.ts";
import { createHostileRequests, createRandom, type HostileRequest } from "./hostile.ts";

const REQUESTS = Number(Deno.env.get("HOSTILE_REQUESTS") ?? 20_000);
const SEED = Number(Deno.env.get("HOSTILE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);

const GOOGLE = "https://google.example/v2/";
const GHCR = "https://ghcr.example/v2/org/";
const UPSTREAMS = [MAIN, SIGNATURES, GOOGLE, GHCR];
const REPLICA = "https://replica.example/v2/";
const MIRRORS = [PARIS, CDN, REPLICA];
const PAGES = [INFO_PAGE, PRIVACY_PAGE];

const CONFIGS: readonly ConfigFile[] = [
  CONFIG,
  { ...CONFIG, signature_upstream: "signatures", client_address: { header: null } },
  {
    ...CONFIG,
    signature_upstream: "signatures",
    client_address: { header: "x-real-ip", from_end: 1 },
    upstreams: {
      ...CONFIG.upstreams as ConfigFile,
      google: { endpoint: "https://google.example" },
    },
    rules: [
      { clients: ["gcp/*"], mirrors: ["cdn"], upstream: "google" },
      { clients: ["aws/*"], mirrors: ["paris", "cdn"] },
    ],
    probe: { max_entries: 100 },
    log: { pulls: true },
  },
  // Repositories elsewhere, a mirror by name, and traces.
  {
    ...CONFIG,
    upstreams: {
      ...CONFIG.upstreams as ConfigFile,
      ghcr: { endpoint: "https://ghcr.example", path: "org" },
    },
    signature_upstream: "signatures",
    repositories: {
      a: { upstream: "ghcr", as: "acme/app" },
      "a/*": { upstream: "ghcr", as: "x/*/y" },
      "kube-*": { as: "k/*" },
      "sig*": {},
      "blobs*": { upstream: "ghcr", as: "b-*" },
    },
    mirrors: { replica: { url: `${REPLICA}{name}/blobs/{digest}` } },
    rules: [{ clients: ["*"], mirrors: ["replica"] }],
    trace: { request_id: true, session: true, redirect_parameter: "rid", client_asn_header: "x-a" },
    log: { pulls: true },
  },
];

// The specifications' own expressions, not the loops that are under test.
const NAME = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*";
const TAG = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";
const REGISTERED = "sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}";
const DIGEST = `(?:${REGISTERED}|(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+)`;
const QUERY = "(?:\\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+)?";
const IN_MIRROR = new RegExp(`^(?:${REGISTERED})$`);
const IN_REPLICA = new RegExp(`^${NAME}/blobs/(?:${REGISTERED})$`);
const REQUEST_ID = /[?&]rid=[0-9a-f]{32}$/;
const IN_UPSTREAM = new RegExp(
  `^${NAME}/(?:(manifests)/(?:${TAG}|${DIGEST})|(blobs|referrers)/${DIGEST}|(tags)/list)${QUERY}$`,
);
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const FORBIDDEN_IN_PATH = /(?:^|\/)\.{1,2}(?:\/|$)|\/\/|%|\\|@|[\u0000-\u0020\u007f-\uffff]/;
const FORBIDDEN_IN_QUERY = /%(?:[01][0-9A-Fa-f]|7[Ff])|(?:^\?|&)(?:n|%6[Ee])(?:s|%73)(?:[=&]|$)/;

/**
 * What a URL stands for that a client is sent to, or that is asked about.
 *
 * @throws {Error} when it is none that the configurations and the grammar allow
 */
function kindOf(given: string): string {
  const url = given.replace(REQUEST_ID, "");
  if (PAGES.includes(url)) return url;
  const { href, origin, pathname } = new URL(url);
  const [path, query] = split(url.slice(origin.length), "?");
  assert(url.startsWith(`${origin}/`) && pathname === path, `it is not what it seems: ${href}`);
  assert(!FORBIDDEN_IN_PATH.test(path), "something in the path is forbidden");
  assert(!FORBIDDEN_IN_QUERY.test(query), "something in the query is forbidden");
  const mirror = MIRRORS.find((base) => url.startsWith(base));
  if (mirror !== undefined) {
    const pattern = mirror === REPLICA ? IN_REPLICA : IN_MIRROR;
    assert(pattern.test(url.slice(mirror.length)), "it is no digest in a mirror");
    return mirror;
  }
  const upstream = UPSTREAMS.find((base) => url.startsWith(base));
  assert(upstream !== undefined, "it is in no mirror and no upstream");
  const match = IN_UPSTREAM.exec(url.slice(upstream.length));
  assert(match !== null, "it is no end point of an upstream");
  return `${upstream} ${match[1] ?? match[2] ?? match[3]}`;
}

function split(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}

// By the URL's length and end, so that each answer is as likely as the other.
const ANSWERS: readonly Reply[] = [200, 404, 200, 404, 307, 403, 500, "refuses"];

function answerFor(url: string): Reply {
  return ANSWERS[(url.length + url.charCodeAt(url.length - 1)) % ANSWERS.length]!;
}

/**
 * What kind of answer a request got.
 *
 * @throws {Error} when it is one that no request should get
 */
async function kindOfAnswer(response: Response, { method }: HostileRequest): Promise<string> {
  const { status, headers } = response;
  const location = headers.get("location");
  if (status === 307) {
    assert(location !== null && response.body === null, "a redirect is a location alone");
    return `307 ${kindOf(location)}`;
  }
  assertEquals(location, null);
  if (status === 200) {
    assertEquals(headers.get("docker-distribution-api-version"), "registry/2.0");
    return "200";
  }
  assert([400, 401, 404, 405].includes(status), `${status} is no status to answer with`);
  assertEquals(headers.get("allow"), status === 405 ? "GET, HEAD" : null);
  if (method === "HEAD") {
    assertEquals(response.body, null);
    return `${status} to HEAD`;
  }
  const body = await response.text();
  assertEquals(Number(headers.get("content-length")), new TextEncoder().encode(body).length);
  if (headers.get("content-type") !== "application/json") {
    assertEquals(body, "not found\n");
    return `${status}`;
  }
  const { errors: [{ code, detail }] } = JSON.parse(body);
  assert(detail === undefined || detail.length <= 256, "too much is sent back");
  return `${status} ${code}`;
}

const KINDS = [
  "200",
  "400 CLIENT_ADDRESS_INVALID",
  "400 DIGEST_INVALID",
  "400 MANIFEST_INVALID",
  "400 NAME_INVALID",
  "400 to HEAD",
  "401 UNAUTHORIZED",
  "401 to HEAD",
  "404",
  "404 NAME_UNKNOWN",
  "404 UNSUPPORTED",
  "404 to HEAD",
  "405 UNSUPPORTED",
  ...PAGES.map((page) => `307 ${page}`),
  ...MIRRORS.map((mirror) => `307 ${mirror}`),
  ...UPSTREAMS.flatMap((upstream) =>
    ["blobs", "manifests", "referrers", "tags"]
      // Tags are the upstream's alone; of referrers there is a signature upstream, or none.
      .filter((point) => !(upstream === SIGNATURES && point === "tags"))
      .filter((point) => !(upstream === GOOGLE && point === "referrers"))
      .map((point) => `307 ${upstream} ${point}`)
  ),
];

Deno.test("no request leads a client anywhere but to what is configured", async () => {
  console.log(`HOSTILE_SEED=${SEED} HOSTILE_REQUESTS=${REQUESTS}`);
  const random = createRandom(SEED);
  const next = createHostileRequests(random);
  const worlds = await Promise.all(CONFIGS.map((config) => createWorld(config, answerFor)));
  const seen = new Map<string, number>();
  for (let count = 0; count < REQUESTS; count++) {
    const { redirector, clock, asked, looks, pulls } = worlds[count % worlds.length]!;
    const hostile = next();
    const { method, url, headers, peer } = hostile;
    try {
      // As much of a request as the handler reads: a `Request` would normalise the URL.
      const request = {
        method,
        url,
        headers: { get: (name: string) => headers.get(name) ?? null },
      };
      const answer = redirector.fetch(request as unknown as Request, { remoteAddr: peer });
      const kind = await kindOfAnswer(await patiently(clock, answer), hostile);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      for (const url of [...asked.splice(0), ...looks.splice(0)]) kindOf(url);
      for (const line of pulls()) assertEquals(line.message, "pull");
    } catch (cause) {
      const shown = JSON.stringify({ method, url, headers: [...headers], peer });
      throw new Error(`HOSTILE_SEED=${SEED}, request ${count}: ${shown}`, { cause });
    }
  }
  // A generator that finds only part of what there is would prove only part.
  assertEquals([...seen.keys()].sort(), KINDS.toSorted(), `HOSTILE_SEED=${SEED}`);
});
