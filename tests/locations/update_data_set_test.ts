import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { listLocations, summarizeDataSet } from "../../lib/locations/data_set.ts";
import type { Provider, ProviderName, PublishedFile } from "../../lib/locations/providers.ts";
import { type Update, updateDataSet } from "../../lib/locations/update.ts";

/** Prefixes of a provider's region. */
type Regions = Readonly<Record<string, readonly string[]>>;
type Clouds = Readonly<Record<ProviderName, Regions>>;

const CLOUDS: Clouds = {
  aws: { "eu-west-3": block("10.0", 20), "us-east-1": ["2001:db8::/32"] },
  gcp: { "europe-west9": block("10.1", 20) },
  azure: { "westeurope": block("10.2", 20) },
};

function block(start: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${start}.${at}.0/24`);
}

function textOf(name: ProviderName, regions: Regions): string {
  const entries = Object.entries(regions).flatMap(([region, prefixes]) =>
    prefixes.map((prefix) => ({ region, prefix }))
  );
  const isIpv6 = ({ prefix }: { readonly prefix: string }) => prefix.includes(":");
  switch (name) {
    case "aws":
      return JSON.stringify({
        createDate: "2026-08-01-00-00-00",
        prefixes: entries.filter((entry) => !isIpv6(entry))
          .map(({ region, prefix }) => ({ region, ip_prefix: prefix })),
        ipv6_prefixes: entries.filter(isIpv6)
          .map(({ region, prefix }) => ({ region, ipv6_prefix: prefix })),
      });
    case "gcp":
      return JSON.stringify({
        creationTime: "2026-08-02T00:00:00.000000",
        prefixes: entries.map(({ region, prefix }) => ({ scope: region, ipv4Prefix: prefix })),
      });
    case "azure":
      return JSON.stringify({
        values: Object.entries(regions).map(([region, addressPrefixes]) => ({
          name: `AzureCloud.${region}`,
          properties: { region, addressPrefixes },
        })),
      });
  }
}

/** Gives each provider's file, or a text of the test's own in its place. */
function getterOf(clouds: Clouds, texts: Partial<Record<ProviderName, string>> = {}) {
  return ({ name }: Provider): Promise<PublishedFile> =>
    Promise.resolve({
      source: `https://${name}.example/`,
      text: texts[name] ?? textOf(name, clouds[name]),
      date: "2026-08-03",
    });
}

function madeOf(update: Update) {
  assert(update.kind === "made", JSON.stringify(update));
  return update;
}

async function makeOld(): Promise<string> {
  return madeOf(await updateDataSet("", getterOf(CLOUDS))).dataSet;
}

Deno.test("updateDataSet() makes a data set of the three files", async () => {
  const { dataSet, changes } = madeOf(await updateDataSet("", getterOf(CLOUDS)));
  assertEquals(listLocations(dataSet), [
    "aws/eu-west-3",
    "aws/us-east-1",
    "gcp/europe-west9",
    "azure/westeurope",
  ]);
  assertEquals(
    summarizeDataSet(dataSet).map(({ provider, date, prefixes }) => [provider, date, prefixes]),
    [["aws", "2026-08-01", 21], ["gcp", "2026-08-02", 20], ["azure", "2026-08-03", 20]],
  );
  assertEquals(changes.map(({ provider, added, before }) => [provider, added.length, before]), [
    ["aws", 21, 0],
    ["gcp", 20, 0],
    ["azure", 20, 0],
  ]);
});

Deno.test("updateDataSet() makes the same of the same", async () => {
  const old = await makeOld();
  const { dataSet, changes } = madeOf(await updateDataSet(old, getterOf(CLOUDS)));
  assertEquals(dataSet, old);
  for (const { added, removed, lost } of changes) {
    assertEquals({ added, removed, lost }, { added: [], removed: [], lost: 0 });
  }
});

Deno.test("updateDataSet() says what a file changes, for a tenth of loss at the most", async () => {
  const old = await makeOld();
  const gcp = { "europe-west9": block("10.1", 18), "us-east1": ["192.0.2.0/24"] };
  const { dataSet, changes } = madeOf(await updateDataSet(old, getterOf({ ...CLOUDS, gcp })));
  assertEquals(changes[1], {
    provider: "gcp",
    added: ["gcp/us-east1 192.0.2.0/24"],
    removed: ["gcp/europe-west9 10.1.18.0/24", "gcp/europe-west9 10.1.19.0/24"],
    lost: 2,
    before: 20,
  });
  assertStringIncludes(dataSet, "location gcp/us-east1\n192.0.2.0/24\n");
});

Deno.test("updateDataSet() refuses a file that has lost more, and says that this is all", async () => {
  const old = await makeOld();
  const fewer = {
    ...CLOUDS,
    gcp: { "europe-west9": block("10.1", 17) },
    azure: { "westeurope": ["192.0.2.0/24"] },
  };
  const reason = (lost: number) => `it has lost ${lost} of 20 prefixes; allowed: at most a tenth`;
  assertEquals(await updateDataSet(old, getterOf(fewer)), {
    kind: "refused",
    failures: [
      { provider: "gcp", reason: reason(3), lossy: true },
      { provider: "azure", reason: reason(20), lossy: true },
    ],
  });
  const allowed = madeOf(await updateDataSet(old, getterOf(fewer), { allowLoss: true }));
  assertEquals(allowed.changes.map(({ lost }) => lost), [0, 3, 20]);
});

Deno.test("updateDataSet() names each provider whose file cannot be had or read", async () => {
  const old = await makeOld();
  const get = getterOf(CLOUDS, { gcp: "<html>", azure: '{"values":[]}' });
  const failing = (provider: Provider) =>
    provider.name === "aws" ? Promise.reject(new Error("no connection")) : get(provider);
  assertEquals(await updateDataSet(old, failing), {
    kind: "refused",
    failures: [
      { provider: "aws", reason: "no connection", lossy: false },
      { provider: "gcp", reason: "Cannot read gcp's file: it is no JSON", lossy: false },
      {
        provider: "azure",
        reason: "Cannot read azure's file: values: found 0, allowed: at least one entry",
        lossy: false,
      },
    ],
  });
  // What is thrown may be no error at all.
  const thrown = await updateDataSet(old, () => Promise.reject("gone"), { allowLoss: true });
  assert(thrown.kind === "refused");
  assertEquals(thrown.failures.map(({ reason }) => reason), ["gone", "gone", "gone"]);
});

Deno.test("updateDataSet() takes nothing when one file of three is wrong, and tells of loss, too", async () => {
  const old = await makeOld();
  const fewer = { ...CLOUDS, azure: { "westeurope": block("10.2", 1) } };
  const update = await updateDataSet(old, getterOf(fewer, { aws: "{}" }));
  assert(update.kind === "refused");
  assertEquals(update.failures.map(({ provider, lossy }) => ({ provider, lossy })), [
    { provider: "aws", lossy: false },
    { provider: "azure", lossy: true },
  ]);
});

Deno.test("updateDataSet() never throws, whatever a file says", async () => {
  const old = await makeOld();
  const text = fc.oneof(fc.string(), fc.json(), fc.constant(textOf("aws", CLOUDS.aws)));
  await fc.assert(fc.asyncProperty(text, text, text, async (aws, gcp, azure) => {
    const update = await updateDataSet(old, getterOf(CLOUDS, { aws, gcp, azure }));
    assert(update.kind === "refused");
    assert(update.failures.every(({ reason }) => reason !== ""));
  }));
});
