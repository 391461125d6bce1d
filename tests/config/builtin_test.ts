import { assert, assertEquals } from "@std/assert";
import { stringify } from "@std/yaml";
import { BUILTIN_CONFIG, servesKubernetes } from "../../lib/config/builtin.ts";
import type { Config } from "../../lib/config/config.ts";
import { readConfig } from "../../lib/config/read.ts";
import { createRouting } from "../../lib/redirect/create_routing.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";

const LOCATIONS = listLocations(EMBEDDED);

// The regions whose bucket has a name like all others'.
const REGIONS = (
  "af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 " +
  "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 " +
  "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 " +
  "eu-south-2 eu-west-1 eu-west-3 il-central-1 me-central-1 mx-central-1 sa-east-1 us-east-1 " +
  "us-east-2 us-west-1 us-west-2"
).split(" ");

const CLOUDFRONT = "https://d1be1w964nk82h.cloudfront.net/containers/images";

function bucket(name: string, region: string): string {
  return `https://${name}.s3.dualstack.${region}.amazonaws.com/containers/images`;
}

function like(region: string): string {
  return bucket(`prod-registry-k8s-io-${region}`, region);
}

const EXPECTED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(REGIONS.map((region) => [region, like(region)])),
  "eu-west-2": bucket("767373bbdcb8270361b96548387bf2a9ad0d48758c35-eu-west-2", "eu-west-2"),
  "ap-east-2": like("ap-east-1"),
  "cn-north-1": like("ap-east-1"),
  "cn-northwest-1": like("ap-east-1"),
  "me-south-1": like("me-central-1"),
};

function builtin(text?: string): Config {
  const read = readConfig(text, { environment: () => undefined, embedded: LOCATIONS });
  assert(read.kind === "config", JSON.stringify(read));
  return read.config;
}

const config = builtin();
const routing = createRouting({ config, ...createNumbering().enter(config) }, EMBEDDED);

function mirrorsOf(location: string): string[] {
  const number = routing.locator.locations.indexOf(location);
  return routing.policy.ruleFor(number).mirrors.map(({ url }) => url);
}

Deno.test("the built-in configuration sends each AWS region to its bucket, or to the default", () => {
  const regions = LOCATIONS.filter((location) => location.startsWith("aws/"));
  for (const region of Object.keys(EXPECTED)) assert(regions.includes(`aws/${region}`), region);
  const others = regions.filter((location) => EXPECTED[location.slice(4)] === undefined);
  assert(others.includes("aws/GLOBAL") && others.includes("aws/us-gov-west-1"));
  for (const location of regions) {
    assertEquals(mirrorsOf(location), [EXPECTED[location.slice(4)] ?? CLOUDFRONT], location);
  }
});

Deno.test("the built-in configuration keeps GCP clients in the upstream", () => {
  const regions = LOCATIONS.filter((location) => location.startsWith("gcp/"));
  assert(regions.length > 30, `there are ${regions.length}`);
  for (const location of regions) assertEquals(mirrorsOf(location), [], location);
});

Deno.test("the built-in configuration sends everyone else to the default mirror", () => {
  const regions = LOCATIONS.filter((location) => location.startsWith("azure/"));
  assert(regions.length > 30, `there are ${regions.length}`);
  for (const location of [...regions, "none"]) {
    assertEquals(mirrorsOf(location), [CLOUDFRONT], location);
  }
});

Deno.test("the built-in configuration has the Go archeio's upstream, pages and settings", () => {
  const { upstreams, signature_upstream, pages, listen, client_address } = builtin();
  assertEquals(upstreams, {
    main: {
      endpoint: "https://us-central1-docker.pkg.dev",
      path: "k8s-artifacts-prod/images",
    },
  });
  assertEquals(signature_upstream, undefined);
  assertEquals(pages, {
    info: "https://github.com/kubernetes/registry.k8s.io",
    privacy: "https://www.linuxfoundation.org/privacy-policy/",
  });
  assertEquals(listen, { host: "::", port: 8080 });
  assertEquals(client_address, { header: "x-forwarded-for", from_end: 2 });
  assertEquals(
    routing.policy.upstream.base,
    "https://us-central1-docker.pkg.dev/v2/k8s-artifacts-prod/images/",
  );
});

Deno.test("the built-in configuration has no mirror that no rule names", () => {
  const { mirrors, rules } = builtin();
  const named = new Set(rules.flatMap(({ mirrors }) => mirrors));
  assertEquals(new Set(Object.keys(mirrors)), named);
  assertEquals(named.size, REGIONS.length + 2);
});

Deno.test("the built-in configuration, printed, is a file that can be used", () => {
  const printed = stringify(builtin(), { skipInvalid: true, lineWidth: 100 });
  assertEquals(builtin(printed), builtin());
});

Deno.test("servesKubernetes() tells the built-in upstream from another one", () => {
  const { main } = BUILTIN_CONFIG.upstreams;
  const table = [
    { upstreams: { main: main! }, expected: true },
    { upstreams: { main: { ...main!, path: "other" } }, expected: false },
    { upstreams: { main: { ...main!, endpoint: "https://registry.example" } }, expected: false },
    { upstreams: { other: main! }, expected: false },
  ];
  for (const { upstreams, expected } of table) {
    assertEquals(servesKubernetes({ upstreams }), expected, JSON.stringify(upstreams));
  }
});
