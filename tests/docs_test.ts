/** The configurations in docs, which do what the pages say; readme_test.ts reads all of them. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse as parseYaml } from "@std/yaml";
import type { Config } from "../lib/config/config.ts";
import { readConfig } from "../lib/config/read.ts";
import { formatStateMetrics } from "../lib/fill/state.ts";
import { listLocations } from "../lib/locations/data_set.ts";
import { EMBEDDED } from "../lib/locations/embedded.ts";
import { PROVIDERS } from "../lib/locations/providers.ts";
import { parseAddress } from "../lib/net/address.ts";
import { createRouting } from "../lib/redirect/create_routing.ts";
import { addNumbers, createNumbersMemory } from "../lib/observe/numbers.ts";
import { relayFamilies } from "../lib/observe/relay_metrics.ts";
import { RELAY_RESULTS, TOKEN_RESULTS, UPSTREAM_CODES } from "../lib/observe/relay_numbers.ts";
import { createNumbering } from "../lib/redirect/setup.ts";
import { blobUrl } from "../lib/mirrors/template.ts";
import { parseRequest } from "../lib/oci/request.ts";
import { decide, locationAt } from "../lib/routing/decide.ts";

const DOCS = new URL("../docs/", import.meta.url);
const PAGE = Deno.readTextFileSync(new URL("configuration.md", DOCS));
const LOCATIONS = listLocations(EMBEDDED);

function readFile(text: string): Config {
  const read = readConfig(text, { environment: () => undefined, embedded: LOCATIONS });
  if (read.kind === "mistakes") throw new SyntaxError(read.mistakes.join("\n"));
  return read.config;
}

/** The configuration in the page whose first line names it. */
function fileNamed(name: string): Config {
  const text = PAGE.split("```yaml\n").find((block) => block.startsWith(`# ${name}\n`));
  return readFile(text!.split("```")[0]!);
}

/** Where a client of a location is sent to: for a blob, all places in their order. */
function createRouter(config: Config) {
  const setup = { config, ...createNumbering().enter(config) };
  const { policy, locator } = createRouting(setup, EMBEDDED);
  return (location: string | undefined, path: string): string[] => {
    const at = location === undefined ? -1 : locator.locations.indexOf(location);
    const decision = decide(parseRequest("GET", path), policy, policy.ruleFor, at);
    if (decision.kind === "error") return [decision.error.code];
    assert(decision.kind === "mirror" || decision.kind === "upstream", path);
    const { asked, name, upstream } = decision;
    const mirrors = decision.kind === "mirror" ? decision.mirrors : [];
    return [
      ...mirrors.map((mirror) => blobUrl(mirror, decision.asked as never)),
      locationAt(upstream, asked, name),
    ];
  };
}

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;

Deno.test("docs/locations.md's block is a configuration, whose file is read", () => {
  const page = Deno.readTextFileSync(new URL("locations.md", DOCS));
  const blocks = [...page.matchAll(/^```yaml\n(# \S+\n[^]*?)^```$/gm)].map(([, text]) => text!);
  assertEquals(blocks.length, 1);
  const read = readConfig(blocks[0]!, {
    environment: () => undefined,
    embedded: LOCATIONS,
    readFile(path) {
      assertEquals(path, "/etc/archeio/fsn1.txt");
      return { kind: "text", text: "203.0.113.0/24,DE,DE-SN,Falkenstein,\n" };
    },
  });
  assert(read.kind === "config", JSON.stringify(read));
  const { config, lists } = read;
  const { locator } = createRouting(
    { config, lists, ...createNumbering().enter(config) },
    EMBEDDED,
  );
  assertEquals(locator.explain(parseAddress("203.0.113.7"))?.location, "hetzner/fsn1");
});

Deno.test("docs/locations.md has every cloud, with a location that there is", () => {
  const page = Deno.readTextFileSync(new URL("locations.md", DOCS));
  const rows = [...page.matchAll(/^\| \[.+?\]\((\S+)\) +\| `(\S+)` +\|/gm)];
  assertEquals(rows.map(([, source]) => source), PROVIDERS.map(({ source }) => source));
  for (const [, , location] of rows) assert(LOCATIONS.includes(location!), location);
});

Deno.test("docs/configuration.md's repositories are where it says", () => {
  const route = createRouter(fileNamed("repositories.yaml"));
  const table = [
    { asked: "app", expected: "https://ghcr.example/v2/acme/app/manifests/1" },
    { asked: "charts/web", expected: "https://quay.example/v2/acme/charts-web/stable/manifests/1" },
    {
      asked: "charts/old/web",
      expected: "https://registry.example/v2/project/images/charts/old/web/manifests/1",
    },
    {
      asked: "kube-proxy",
      expected: "https://registry.example/v2/project/images/kube-proxy/manifests/1",
    },
    { asked: "charts", expected: "NAME_UNKNOWN" },
  ];
  for (const { asked, expected } of table) {
    assertEquals(route(undefined, `/v2/${asked}/manifests/1`), [expected]);
  }
});

Deno.test("docs/configuration.md's mirrors have the layouts that it says", () => {
  const route = createRouter(fileNamed("layouts.yaml"));
  const atUpstream = `https://registry.example/v2/acme/app/blobs/${DIGEST}`;
  assertEquals(route("aws/eu-west-3", `/v2/acme/app/blobs/${DIGEST}`), [
    `https://bucket.example/docker/registry/v2/blobs/sha256/01/${HEX}/data`,
    `https://blobs.example/images/${DIGEST}`,
    atUpstream,
  ]);
  assertEquals(route(undefined, `/v2/acme/app/blobs/${DIGEST}`), [
    `https://files.example/images/blobs/sha256/${HEX}`,
    `https://replica.example/v2/acme/app/blobs/${DIGEST}`,
    `https://flat.example/sha256-${HEX}.blob`,
    atUpstream,
  ]);
});

const RELAYING = Deno.readTextFileSync(new URL("relaying.md", DOCS));

Deno.test("docs/relaying.md's block is a configuration, and states the defaults", () => {
  const [, text] = /^```yaml\n(# relaying\.yaml\n[^]*?)^```$/m.exec(RELAYING)!;
  const { relay } = readFile(text!);
  assertEquals(relay, readFile("upstreams: { main: { endpoint: https://a.example } }").relay);
});

Deno.test("docs/relaying.md has the README's commands", () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", DOCS));
  const [commands] = /^```sh\necho [^]*?^```$/m.exec(RELAYING)!;
  assertStringIncludes(readme, `\n${commands}\n`);
});

Deno.test("docs/relaying.md names every metric of what is relayed, and their labels", () => {
  const upstreams = [{
    number: 0,
    name: "main",
    base: "https://a.example/v2/",
    relayed: "pulls",
  }] as const;
  const totals = addNumbers([createNumbersMemory()]).relay;
  const families = [...relayFamilies(totals, upstreams)].join("");
  for (const [, name] of families.matchAll(/^# TYPE archeio_(\w+)/gm)) {
    assertStringIncludes(RELAYING, `\`${name}\``);
  }
  for (const value of [...RELAY_RESULTS, ...UPSTREAM_CODES, ...TOKEN_RESULTS]) {
    assertStringIncludes(RELAYING, `\`${value}\``);
  }
});

const FILLING = Deno.readTextFileSync(new URL("filling.md", DOCS));

Deno.test("docs/filling.md's configurations are ones, and its files can be read", () => {
  const blocks = [...FILLING.matchAll(/^```yaml\n# (\S+)\n([\s\S]*?)^```$/gm)];
  assertEquals(blocks.map(([, name]) => name), [
    "filling.yaml",
    "stores.yaml",
    "archeio-fill-cronjob.yaml",
  ]);
  for (const [, name, text] of blocks.slice(0, 2)) {
    assert(readFile(text!).fill !== undefined, name);
  }
  const job = parseYaml(blocks[2]![2]!) as Record<string, unknown>;
  assertEquals([job.apiVersion, job.kind], ["batch/v1", "CronJob"]);
});

Deno.test("README.md's commands for filling are among docs/filling.md's", () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", DOCS));
  const [, commands] = /^```sh\n(archeio fill [^]*?)^```$/m.exec(readme)!;
  assertStringIncludes(FILLING, `\n${commands}`);
});

Deno.test("docs/filling.md names every metric of filling, and the defaults", () => {
  const metrics = formatStateMetrics({
    version: 1,
    beganS: 0,
    endedS: 0,
    completeS: 0,
    blobs: 0,
    bytes: 0,
    readBytes: 0,
    failures: 0,
    mirrors: {},
  });
  for (const [, name] of metrics.matchAll(/^# TYPE (\w+)/gm)) {
    assertStringIncludes(FILLING, `\`${name}\``);
  }
  const { fill } = readFile(
    "upstreams: { main: { endpoint: https://a.example } }\nfill: { repositories: [app] }",
  );
  const { in_flight, requests_per_s } = fill!.limits;
  assertStringIncludes(
    FILLING,
    `\`in_flight\` (${in_flight}), \`requests_per_s\` (${requests_per_s})`,
  );
});

Deno.test("the company with regional registries keeps every kind of client where it should be", () => {
  const route = createRouter(
    readFile(Deno.readTextFileSync(new URL("examples/regional_registries.yaml", DOCS))),
  );
  const manifest = "app/manifests/1.0";
  const blob = `app/blobs/${DIGEST}`;
  const cdn = `https://cdn.acme.example/blobs/sha256/01/${HEX}`;
  const atCdn = "https://cdn.acme.example/v2/images";
  const google = (part: string) => `https://${part}-docker.acme.example/v2/acme-prod/images`;
  const bucket = (region: string) => `https://acme-${region}.example/blobs/${DIGEST}`;
  /** The same as code: where manifests come from, and which bucket is near. */
  function expectedFor(location: string | undefined): { registry: string; near?: string } {
    const [cloud, region = ""] = location?.split("/") ?? [];
    if (cloud === "azure") return { registry: "https://azure.acme.example/v2/images" };
    if (cloud === "gcp") {
      if (/^(?:europe|africa|me)-/.test(region)) return { registry: google("europe") };
      if (/^(?:asia|australia)-/.test(region)) return { registry: google("asia") };
      return { registry: google("us") };
    }
    if (cloud !== "aws") return { registry: atCdn };
    if (/^(?:us|ca)-west-/.test(region)) return { registry: atCdn, near: bucket("us-west-2") };
    if (/^(?:eu|af|il|me)-/.test(region)) return { registry: atCdn, near: bucket("eu-central-1") };
    if (/^(?:ap|cn)-/.test(region)) return { registry: atCdn, near: bucket("ap-northeast-1") };
    return { registry: atCdn, near: bucket("us-east-1") };
  }
  const routes = new Set<string>();
  for (const location of [...LOCATIONS, undefined]) {
    const { registry, near } = expectedFor(location);
    assertEquals(route(location, `/v2/${manifest}`), [`${registry}/${manifest}`], location);
    const places = [...near === undefined ? [] : [near, cdn], `${registry}/${blob}`];
    assertEquals(route(location, `/v2/${blob}`), places, location);
    routes.add(places.join());
  }
  assertEquals(routes.size, 9);
});
