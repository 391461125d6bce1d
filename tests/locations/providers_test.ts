import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ProviderRanges } from "../../lib/locations/data_set.ts";
import type { Provider } from "../../lib/locations/provider.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { aws as AWS } from "../../lib/locations/providers/aws.ts";
import { azure as AZURE } from "../../lib/locations/providers/azure.ts";
import { digitalocean as DIGITALOCEAN } from "../../lib/locations/providers/digitalocean.ts";
import { exoscale as EXOSCALE } from "../../lib/locations/providers/exoscale.ts";
import { gcp as GCP } from "../../lib/locations/providers/gcp.ts";
import { linode as LINODE } from "../../lib/locations/providers/linode.ts";
import { oracle as ORACLE } from "../../lib/locations/providers/oracle.ts";
import { vultr as VULTR } from "../../lib/locations/providers/vultr.ts";
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

const ORACLE_FILE = {
  last_updated_timestamp: "2026-01-16T09:22:47.074571",
  regions: [
    {
      region: "eu-frankfurt-1",
      cidrs: [
        { cidr: "138.1.0.0/20", tags: ["OCI"] },
        { cidr: "134.70.40.0/21", tags: ["OSN", "OBJECT_STORAGE"] },
      ],
    },
    { region: "mx-monterrey-1", cidrs: [{ cidr: "40.233.0.0/19", tags: ["OCI"] }] },
  ],
};

const DIGITALOCEAN_FILE = `5.101.96.0/21,NL,NL-NH,Amsterdam,1098 XH
24.144.68.0/22,US,US-CA,Santa Clara,95054
165.245.148.0/22,None
2604:a880:6:7::/64,None
2a03:b0c0::/48,NL,NL-NH,Amsterdam,1098 XH
`;

const LINODE_FILE = `# This file is a self-published geofeed
# Last modified: 2026-01-29 10:00:05.094815
# ip_prefix, alpha2code, region, city, postal_code
2600:3c00::/32,US,US-TX,Richardson,
2a01:7e01::/32,DE,DE-HE,Frankfurt,
45.33.0.0/19,DE,DE-HE,Frankfurt,
`;

const VULTR_FILE = {
  description: "GeoFeed",
  updated: "2026-01-29T17:37:45-05:00",
  subnets: [
    {
      ip_prefix: "45.32.8.0/21",
      alpha2code: "JP",
      region: "JP-13",
      city: "Shinagawa-ku",
      postal_code: "142-0002",
    },
    { ip_prefix: "2001:19f0::/38", alpha2code: "GB", city: "Swinton, Manchester" },
    { ip_prefix: "198.51.100.0/24", alpha2code: "NL", city: null },
    { ip_prefix: "203.0.113.0/24", alpha2code: "", city: "Paris" },
    { ip_prefix: "192.0.2.0/24" },
  ],
};

const EXOSCALE_FILE = {
  creationTime: "2025-11-19T08:14:24.315975+00:00",
  prefixes: [
    { IPv4Prefix: "89.145.160.0/22", zone: "de-fra-1" },
    { IPv6Prefix: "2a04:c41::/32", zone: "de-fra-1" },
    { IPv6Prefix: "2a04:c46::/32", zone: "de-fra-1" },
    { IPv4Prefix: "85.217.160.0/22", zone: "ch-gva-2" },
    { IPv6Prefix: "2a04:c41::/32", zone: "ch-gva-2" },
    { IPv4Prefix: "89.145.160.0/22", zone: "de-fra-1" },
  ],
};

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

Deno.test("parse() reads Oracle's file", () => {
  const ranges = parse(ORACLE, ORACLE_FILE);
  assertEquals([ranges.provider, ranges.date], ["oracle", "2026-01-16"]);
  assertEquals(locationsOf(ranges), {
    "oracle/eu-frankfurt-1": ["138.1.0.0/20", "134.70.40.0/21"],
    "oracle/mx-monterrey-1": ["40.233.0.0/19"],
  });
});

Deno.test("parse() reads DigitalOcean's geofeed, without the prefixes that are in no country", () => {
  const ranges = parse(DIGITALOCEAN, DIGITALOCEAN_FILE);
  assertEquals([ranges.provider, ranges.date], ["digitalocean", "2026-01-31"]);
  assertEquals(locationsOf(ranges), {
    "digitalocean/nl-amsterdam": ["5.101.96.0/21", "2a03:b0c0::/48"],
    "digitalocean/us-santa-clara": ["24.144.68.0/22"],
  });
});

Deno.test("parse() reads Linode's geofeed, and the date in its head", () => {
  const ranges = parse(LINODE, LINODE_FILE);
  assertEquals([ranges.provider, ranges.date], ["linode", "2026-01-29"]);
  assertEquals(locationsOf(ranges), {
    "linode/us-richardson": ["2600:3c00::/32"],
    "linode/de-frankfurt": ["2a01:7e01::/32", "45.33.0.0/19"],
  });
  const undated = LINODE_FILE.replace("Last modified", "Modified");
  assertEquals(parse(LINODE, undated).date, "2026-01-31");
});

Deno.test("parse() reads Vultr's geofeed, which is JSON", () => {
  const ranges = parse(VULTR, VULTR_FILE);
  assertEquals([ranges.provider, ranges.date], ["vultr", "2026-01-29"]);
  assertEquals(locationsOf(ranges), {
    "vultr/jp-shinagawa-ku": ["45.32.8.0/21"],
    "vultr/gb-swinton-manchester": ["2001:19f0::/38"],
    "vultr/nl": ["198.51.100.0/24"],
  });
});

Deno.test("parse() reads Exoscale's file, without the prefixes that zones share", () => {
  const ranges = parse(EXOSCALE, EXOSCALE_FILE);
  assertEquals([ranges.provider, ranges.date], ["exoscale", "2025-11-19"]);
  assertEquals(locationsOf(ranges), {
    "exoscale/de-fra-1": ["89.145.160.0/22", "2a04:c46::/32"],
    "exoscale/ch-gva-2": ["85.217.160.0/22"],
  });
});

Deno.test("parse() gives no date where nothing says one", () => {
  for (
    const [provider, text] of [[AZURE, JSON.stringify(AZURE_FILE)], [
      DIGITALOCEAN,
      DIGITALOCEAN_FILE,
    ]] as const
  ) {
    const { source } = provider;
    assertEquals(readPublished(provider, { source, text }).date, undefined);
  }
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
  for (const provider of [AWS, GCP, AZURE, ORACLE, VULTR, EXOSCALE]) {
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
    {
      provider: ORACLE,
      file: { regions: ORACLE_FILE.regions },
      expected: "last_updated_timestamp is missing",
    },
    {
      provider: ORACLE,
      file: { ...ORACLE_FILE, regions: [{ region: "eu-frankfurt-1", cidrs: [{}] }] },
      expected: "regions.0.cidrs.0.cidr is missing",
    },
    {
      provider: ORACLE,
      file: { ...ORACLE_FILE, regions: [{ region: "a/b", cidrs: [{ cidr: "10.0.0.0/8" }] }] },
      expected: `regions.0.region: found "a/b", allowed: ${region}`,
    },
    {
      provider: VULTR,
      file: { ...VULTR_FILE, subnets: [{ ip_prefix: 5 }] },
      expected: "subnets.0.ip_prefix: found 5, allowed: text",
    },
    {
      provider: VULTR,
      file: { ...VULTR_FILE, updated: "yesterday" },
      expected: 'updated: found "yesterday", allowed: a time, YYYY-MM-DDThh:mm:ss',
    },
    {
      provider: VULTR,
      file: { ...VULTR_FILE, subnets: [{ ip_prefix: "10.0.0.0/8" }] },
      expected: "it has no prefix with a region",
    },
    {
      provider: EXOSCALE,
      file: { ...EXOSCALE_FILE, prefixes: [{ zone: "de-fra-1" }] },
      expected: "prefixes.0: found Object, allowed: an object that has IPv4Prefix or IPv6Prefix",
    },
    { provider: DIGITALOCEAN, file: "10.0.0.0/8,None", expected: "it has no prefix with a region" },
    { provider: LINODE, file: "# nothing", expected: "it has no prefix with a region" },
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
    const oracle = [{ region, cidrs: [{ cidr: "10.0.0.0/8" }] }];
    assertThrows(() => parse(ORACLE, { ...ORACLE_FILE, regions: oracle }), TypeError, expected);
    const exoscale = [{ IPv4Prefix: "10.0.0.0/8", zone: region }];
    assertThrows(() => parse(EXOSCALE, { ...EXOSCALE_FILE, prefixes: exoscale }), TypeError);
    const subnets = [{ ip_prefix: "10.0.0.0/8", alpha2code: "DE", city: region }];
    const [location = ""] = parse(VULTR, { ...VULTR_FILE, subnets }).locations.keys();
    assert(/^vultr\/de[a-z-]*$/.test(location), location);
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
  (prefixes: string[]) => {
    const regions = prefixes.map((cidr, at) => ({ region: `eu-${at}`, cidrs: [{ cidr }] }));
    return parse(ORACLE, { ...ORACLE_FILE, regions });
  },
  (prefixes: string[], countries = ["NL", "US"]) => {
    const subnets = prefixes.map((ip_prefix, at) => ({ ip_prefix, alpha2code: countries[at] }));
    return parse(VULTR, { ...VULTR_FILE, subnets });
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
