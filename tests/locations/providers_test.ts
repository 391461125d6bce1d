import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ProviderRanges } from "../../lib/locations/data_set.ts";
import type { Provider } from "../../lib/locations/provider.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { aws as AWS } from "../../lib/locations/providers/aws.ts";
import { azure as AZURE } from "../../lib/locations/providers/azure.ts";
import { gcp as GCP } from "../../lib/locations/providers/gcp.ts";
import { readPublished } from "../../lib/locations/published.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";

const AWS_FILE = {
  syncToken: "1785313625",
  createDate: "2026-07-29-08-27-05",
  prefixes: [
    {
      ip_prefix: "35.180.0.0/16",
      region: "eu-west-3",
      service: "AMAZON",
      network_border_group: "eu-west-3",
    },
    {
      ip_prefix: "35.180.0.0/16",
      region: "eu-west-3",
      service: "EC2",
      network_border_group: "eu-west-3",
    },
    {
      ip_prefix: "3.5.140.0/22",
      region: "ap-northeast-2",
      service: "AMAZON",
      network_border_group: "ap-northeast-2",
    },
    {
      ip_prefix: "13.248.128.0/17",
      region: "GLOBAL",
      service: "AMAZON",
      network_border_group: "GLOBAL",
    },
  ],
  ipv6_prefixes: [
    {
      ipv6_prefix: "2600:1f18::/33",
      region: "us-east-1",
      service: "AMAZON",
      network_border_group: "us-east-1",
    },
    {
      ipv6_prefix: "2A05:D012::/36",
      region: "eu-west-3",
      service: "EC2",
      network_border_group: "eu-west-3",
    },
  ],
};

const GCP_FILE = {
  syncToken: "1785333953849",
  creationTime: "2026-07-29T07:05:53.849365",
  prefixes: [
    { ipv4Prefix: "34.155.0.0/16", service: "Google Cloud", scope: "europe-west9" },
    { ipv6Prefix: "2600:1900:4180::/44", service: "Google Cloud", scope: "europe-west9" },
    { ipv4Prefix: "34.96.64.0/18", service: "Google Cloud", scope: "global" },
  ],
};

function tag(name: string, region: unknown, addressPrefixes: unknown) {
  const properties = {
    changeNumber: 12,
    region,
    regionId: 0,
    platform: "Azure",
    systemService: "",
    addressPrefixes,
    networkFeatures: null,
  };
  return { name, id: name, properties };
}

const AZURE_FILE = {
  changeNumber: 400,
  cloud: "Public",
  values: [
    tag("ActionGroup", "", ["203.0.113.0/24"]),
    tag("Storage.WestEurope", "westeurope", ["198.51.100.0/24"]),
    tag("AzureCloud", "", ["192.0.2.0/24", "20.38.108.0/23", "20.60.26.0/23"]),
    tag("AzureCloud.westeurope", "westeurope", ["20.38.108.0/23", "2603:1020:200::/46"]),
    tag("AzureCloud.northeurope", "northeurope", ["20.60.26.0/23"]),
  ],
};

const AZURE_URL = "https://download.microsoft.com/download/7/1/d/" +
  "71d86715-5596-4529-9b13-da13a5de5b63/ServiceTags_Public_20260727.json";

function parse(provider: Provider, file: unknown, source: string = provider.source) {
  const text = typeof file === "string" ? file : JSON.stringify(file);
  return readPublished(provider, { source, text, date: "2026-01-31" });
}

function locationsOf({ locations }: ProviderRanges): Record<string, string[]> {
  return Object.fromEntries(
    locations.entries().map(([location, prefixes]) => [location, prefixes.map(formatPrefix)]),
  );
}

Deno.test("PROVIDERS have names, file names and sources of their own", () => {
  const { length } = PROVIDERS;
  assertEquals(new Set(PROVIDERS.map(({ name }) => name)).size, length);
  assertEquals(new Set(PROVIDERS.map(({ fileName }) => fileName)).size, length);
  assertEquals(new Set(PROVIDERS.map(({ source }) => new URL(source).href)).size, length);
  for (const { name } of PROVIDERS) assert(/^[a-z][a-z0-9]*$/.test(name), name);
});

Deno.test("each file of lib/locations/providers/ is in the list", () => {
  const folder = new URL("../../lib/locations/providers/", import.meta.url);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assertEquals(files.sort(), PROVIDERS.map(({ name }) => `${name}.ts`).sort());
});

Deno.test("parse() reads AWS's file, where services share prefixes", () => {
  const ranges = parse(AWS, AWS_FILE);
  assertEquals(ranges.provider, "aws");
  assertEquals(ranges.source, AWS.source);
  assertEquals(ranges.date, "2026-07-29");
  assertEquals(locationsOf(ranges), {
    "aws/eu-west-3": ["35.180.0.0/16", "2a05:d012::/36"],
    "aws/ap-northeast-2": ["3.5.140.0/22"],
    "aws/GLOBAL": ["13.248.128.0/17"],
    "aws/us-east-1": ["2600:1f18::/33"],
  });
});

Deno.test("parse() reads GCP's file, where entries are of either family", () => {
  const ranges = parse(GCP, GCP_FILE);
  assertEquals(ranges.provider, "gcp");
  assertEquals(ranges.date, "2026-07-29");
  assertEquals(locationsOf(ranges), {
    "gcp/europe-west9": ["34.155.0.0/16", "2600:1900:4180::/44"],
    "gcp/global": ["34.96.64.0/18"],
  });
  const both = { ipv4Prefix: "10.0.0.0/8", ipv6Prefix: "2001:db8::/32", scope: "us-east1" };
  assertEquals(locationsOf(parse(GCP, { ...GCP_FILE, prefixes: [both] })), {
    "gcp/us-east1": ["10.0.0.0/8", "2001:db8::/32"],
  });
});

Deno.test("parse() takes the regions' tags out of Azure's file, and no other", () => {
  const ranges = parse(AZURE, AZURE_FILE);
  assertEquals(ranges.provider, "azure");
  assertEquals(locationsOf(ranges), {
    "azure/westeurope": ["20.38.108.0/23", "2603:1020:200::/46"],
    "azure/northeurope": ["20.60.26.0/23"],
  });
});

Deno.test("parse() dates Azure's file by its URL, else as its server says", () => {
  assertEquals(parse(AZURE, AZURE_FILE, AZURE_URL).date, "2026-07-27");
  assertEquals(parse(AZURE, AZURE_FILE).date, "2026-01-31");
  assertEquals(parse(AZURE, AZURE_FILE, AZURE_URL).source, AZURE_URL);
});

Deno.test("parse() gives no date where nothing says one", () => {
  const { source } = AZURE;
  const ranges = readPublished(AZURE, { source, text: JSON.stringify(AZURE_FILE) });
  assertEquals(ranges.date, undefined);
});

Deno.test("tryLink() finds Azure's file in the page that links to it", () => {
  const { tryLink } = AZURE;
  assert(tryLink !== undefined);
  const page = `<html><a href="https://www.microsoft.com/">Home</a>
    <a href="https://download.microsoft.com/download/7/1/d/other.json">Another</a>
    <script>window.x={"url":"${AZURE_URL}","name":"ServiceTags_Public_20260727.json"}</script>
    <a href="${AZURE_URL}">Download</a></html>`;
  const table = [
    { page, expected: AZURE_URL },
    { page: "", expected: undefined },
    { page: "<a href='/download/ServiceTags_Public_20260727.json'>", expected: undefined },
    { page: AZURE_URL.replace("https:", "http:"), expected: undefined },
    { page: AZURE_URL.replace("microsoft.com", "microsoft.example"), expected: undefined },
    { page: AZURE_URL.replace("Public", "AzureGovernment"), expected: undefined },
    { page: AZURE_URL.replace("20260727", "latest"), expected: undefined },
  ];
  for (const { page, expected } of table) assertEquals(tryLink(page), expected, page);
});

Deno.test("parse() refuses what is no JSON by a SyntaxError", () => {
  for (const provider of [AWS, GCP, AZURE]) {
    for (const text of ["", "<html></html>", '{"prefixes": [', "{} {}"]) {
      const expected = "Cannot parse published file: it is not JSON";
      assertThrows(() => parse(provider, text), SyntaxError, expected, text);
    }
  }
});

Deno.test("parse() refuses another form by a TypeError that says where", () => {
  const aws = { ip_prefix: "10.0.0.0/8", region: "eu-west-3" };
  const gcp = { ipv4Prefix: "10.0.0.0/8", scope: "europe-west9" };
  const region = "a region's name, of letters, digits and -";
  const table = [
    { provider: AWS, file: null, expected: "the whole file: found null, allowed: an object" },
    { provider: AWS, file: [], expected: "createDate is missing" },
    { provider: AWS, file: "5", expected: "the whole file: found 5, allowed: an object" },
    {
      provider: AWS,
      file: { ...AWS_FILE, createDate: "29 July" },
      expected: 'createDate: found "29 July", allowed: a time, YYYY-MM-DD-hh-mm-ss',
    },
    {
      provider: AWS,
      file: { ...AWS_FILE, prefixes: undefined },
      expected: "prefixes is missing",
    },
    {
      provider: AWS,
      file: { ...AWS_FILE, prefixes: [] },
      expected: "prefixes: found 0, allowed: at least one entry",
    },
    {
      provider: AWS,
      file: { ...AWS_FILE, prefixes: {} },
      expected: "prefixes: found Object, allowed: a list",
    },
    {
      provider: AWS,
      file: { ...AWS_FILE, prefixes: [aws, { ...aws, ip_prefix: 5 }] },
      expected: "prefixes.1.ip_prefix: found 5, allowed: text",
    },
    {
      provider: AWS,
      file: { ...AWS_FILE, prefixes: [{ region: "eu-west-3" }] },
      expected: "prefixes.0.ip_prefix is missing",
    },
    {
      provider: AWS,
      file: { ...AWS_FILE, prefixes: [{ ...aws, region: "" }] },
      expected: `prefixes.0.region: found "", allowed: ${region}`,
    },
    {
      provider: AWS,
      file: { ...AWS_FILE, ipv6_prefixes: [] },
      expected: "ipv6_prefixes: found 0, allowed: at least one entry",
    },
    {
      provider: GCP,
      file: { prefixes: [gcp] },
      expected: "creationTime is missing",
    },
    {
      provider: GCP,
      file: { ...GCP_FILE, creationTime: 5 },
      expected: "creationTime: found 5, allowed: text",
    },
    {
      provider: GCP,
      file: { ...GCP_FILE, creationTime: "2026" },
      expected: 'creationTime: found "2026", allowed: a time, YYYY-MM-DDThh:mm:ss',
    },
    {
      provider: GCP,
      file: { ...GCP_FILE, prefixes: [] },
      expected: "prefixes: found 0, allowed: at least one entry",
    },
    {
      provider: GCP,
      file: { ...GCP_FILE, prefixes: [{ scope: "europe-west9" }] },
      expected: "prefixes.0: found Object, allowed: an object that has ipv4Prefix or ipv6Prefix",
    },
    {
      provider: GCP,
      file: { ...GCP_FILE, prefixes: [{ ...gcp, ipv4Prefix: 5 }] },
      expected: "prefixes.0.ipv4Prefix: found 5, allowed: text",
    },
    {
      provider: GCP,
      file: { ...GCP_FILE, prefixes: [{ ipv4Prefix: "10.0.0.0/8" }] },
      expected: "prefixes.0.scope is missing",
    },
    { provider: AZURE, file: {}, expected: "values is missing" },
    {
      provider: AZURE,
      file: { values: [] },
      expected: "values: found 0, allowed: at least one entry",
    },
    {
      provider: AZURE,
      file: { values: [{ name: "AzureCloud.westeurope" }] },
      expected: "values.0.properties is missing",
    },
    {
      provider: AZURE,
      file: { values: [tag("AzureCloud.westeurope", 5, [])] },
      expected: `values.0.properties.region: found 5, allowed: ${region}, or none`,
    },
    {
      provider: AZURE,
      file: { values: [tag("AzureCloud.westeurope", "westeurope", "10.0.0.0/8")] },
      expected: 'values.0.properties.addressPrefixes: found "10.0.0.0/8", allowed: a list',
    },
    {
      provider: AZURE,
      file: { values: [tag("AzureCloud.westeurope", "westeurope", [null])] },
      expected: "values.0.properties.addressPrefixes.0: found null, allowed: text",
    },
    {
      provider: AZURE,
      file: { values: AZURE_FILE.values.slice(0, 3) },
      expected: "it has no prefix with a region",
    },
    {
      provider: AZURE,
      file: { values: [tag("AzureCloud.westeurope", "westeurope", [])] },
      expected: "it has no prefix with a region",
    },
  ];
  for (const { provider, file, expected } of table) {
    const message = `Cannot read published file: ${expected}`;
    assertThrows(() => parse(provider, file), TypeError, message, message);
  }
});

Deno.test("parse() lets no region into the data set's module that could be code there", () => {
  for (const region of ["`", "${x}", "a b", "a\nb", "a/b", "\\", "-a", "é"]) {
    const expected = "Cannot read published file: ";
    const aws = [{ ip_prefix: "10.0.0.0/8", region }];
    assertThrows(() => parse(AWS, { ...AWS_FILE, prefixes: aws }), TypeError, expected, region);
    const gcp = [{ ipv4Prefix: "10.0.0.0/8", scope: region }];
    assertThrows(() => parse(GCP, { ...GCP_FILE, prefixes: gcp }), TypeError, expected, region);
    const azure = { values: [tag(`AzureCloud.${region}`, region, ["10.0.0.0/8"])] };
    assertThrows(() => parse(AZURE, azure), TypeError, expected, region);
  }
});

const WITH_PREFIXES = [
  (prefixes: string[], regions = ["eu-west-3", "us-east-1"]) => {
    const entries = prefixes.map((ip_prefix, at) => ({ ip_prefix, region: regions[at] }));
    return parse(AWS, { ...AWS_FILE, prefixes: entries });
  },
  (prefixes: string[], regions = ["europe-west9", "us-east1"]) => {
    const entries = prefixes.map((ipv4Prefix, at) => ({ ipv4Prefix, scope: regions[at] }));
    return parse(GCP, { ...GCP_FILE, prefixes: entries });
  },
  (prefixes: string[], regions = ["westeurope", "eastus"]) => {
    const values = prefixes.map((prefix, at) =>
      tag(`AzureCloud.${regions[at]}`, regions[at], [prefix])
    );
    return parse(AZURE, { ...AZURE_FILE, values });
  },
];

Deno.test("parse() refuses a prefix that is none, or has bits past its length set", () => {
  for (const withPrefixes of WITH_PREFIXES) {
    for (const prefix of ["10.0.0/8", "10.0.0.0", "10.0.0.0/33", "", "example/8"]) {
      assertThrows(() => withPrefixes([prefix]), SyntaxError, "Cannot parse", prefix);
    }
    assertThrows(() => withPrefixes(["10.0.0.1/8"]), RangeError, 'Cannot take prefix "10.0.0.1/8"');
  }
});

Deno.test("parse() refuses a prefix with two regions, however it is written", () => {
  for (const withPrefixes of WITH_PREFIXES) {
    const twice = ["10.0.0.0/8", "10.0.0.0/8"];
    assertThrows(() => withPrefixes(twice), RangeError, "file: 10.0.0.0/8 has two regions, ");
    const mapped = ["10.0.0.0/8", "::ffff:a00:0/104"];
    assertThrows(() => withPrefixes(mapped), RangeError, "file: 10.0.0.0/8 has two regions, ");
    // A longer one inside it may have another.
    assertEquals(withPrefixes(["10.0.0.0/8", "10.0.0.0/9"]).locations.size >= 2, true);
  }
});
