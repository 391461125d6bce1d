import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { listLocations, summarizeDataSet } from "../../lib/locations/data_set.ts";
import type { Provider, PublishedFile } from "../../lib/locations/provider.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { updateDataSet, type UpdateOptions } from "../../lib/locations/update.ts";

// Others that may be added have nothing to do with what is tested here.
const NAMES = ["aws", "gcp", "azure"] as const;
type Name = typeof NAMES[number];

/** Prefixes of a provider's region. */
type Regions = Readonly<Record<string, readonly string[]>>;
type Clouds = Readonly<Record<Name, Regions>>;

const CLOUDS: Clouds = {
  aws: { "eu-west-3": block("10.0", 20), "us-east-1": ["2001:db8::/32"] },
  gcp: { "europe-west9": block("10.1", 20) },
  azure: { "westeurope": block("10.2", 20) },
};

function block(start: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${start}.${at}.0/24`);
}

function textOf(name: Name, regions: Regions): string {
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
function getterOf(clouds: Clouds, texts: Partial<Record<Name, string>> = {}) {
  return ({ name }: Provider<Name>): Promise<PublishedFile> =>
    Promise.resolve({
      source: `https://${name}.example/`,
      text: texts[name] ?? textOf(name, clouds[name]),
      date: "2026-08-03",
    });
}

function update(
  old: string,
  get: (provider: Provider<Name>) => Promise<PublishedFile>,
  options: UpdateOptions = {},
) {
  return updateDataSet(old, (provider) => get(provider as Provider<Name>), {
    providers: NAMES,
    ...options,
  });
}

async function makeOld(): Promise<string> {
  const { dataSet, failures } = await update("", getterOf(CLOUDS));
  assertEquals(failures, []);
  return dataSet;
}

/** The prefixes of each provider in a data set. */
function countsOf(dataSet: string): Record<string, number> {
  return Object.fromEntries(
    summarizeDataSet(dataSet).map(({ provider, prefixes }) => [provider, prefixes]),
  );
}

Deno.test("updateDataSet() makes a data set of the files", async () => {
  const { dataSet, changes, failures } = await update("", getterOf(CLOUDS));
  assertEquals(failures, []);
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
  assertEquals(
    changes.map(({ provider, added, before }) => [provider, added.length, before.prefixes]),
    [["aws", 21, 0], ["gcp", 20, 0], ["azure", 20, 0]],
  );
});

Deno.test("updateDataSet() makes the same of the same", async () => {
  const old = await makeOld();
  const { dataSet, changes } = await update(old, getterOf(CLOUDS));
  assertEquals(dataSet, old);
  for (const { added, removed, lost } of changes) {
    assertEquals({ added, removed, lost }, { added: [], removed: [], lost: 0 });
  }
});

Deno.test("updateDataSet() says what a file changes, for a tenth of loss at the most", async () => {
  const old = await makeOld();
  const gcp = { "europe-west9": block("10.1", 18), "us-east1": ["192.0.2.0/24"] };
  const { dataSet, changes, failures } = await update(old, getterOf({ ...CLOUDS, gcp }));
  assertEquals(failures, []);
  assertEquals(changes[1], {
    provider: "gcp",
    added: ["gcp/us-east1 192.0.2.0/24"],
    removed: ["gcp/europe-west9 10.1.18.0/24", "gcp/europe-west9 10.1.19.0/24"],
    lost: 2,
    before: { prefixes: 20, ipv4: 5120, ipv6: 0 },
    after: { prefixes: 19, ipv4: 4864, ipv6: 0 },
  });
  assertStringIncludes(dataSet, "location gcp/us-east1\n192.0.2.0/24\n");
});

Deno.test("updateDataSet() keeps the part of a provider that has lost more, unless it is allowed", async () => {
  const old = await makeOld();
  const fewer = {
    ...CLOUDS,
    gcp: { "europe-west9": block("10.1", 17) },
    azure: { "westeurope": ["192.0.2.0/24"] },
  };
  const reason = (lost: number) => `it has lost ${lost} of 20 prefixes; allowed: at most a tenth`;
  const { dataSet, changes, failures } = await update(old, getterOf(fewer));
  assertEquals(failures, [
    { provider: "gcp", reason: reason(3), allowance: "loss" },
    { provider: "azure", reason: reason(20), allowance: "loss" },
  ]);
  assertEquals(changes.map(({ provider }) => provider), ["aws"]);
  assertEquals(dataSet, old);
  const allowed = await update(old, getterOf(fewer), { allowed: ["loss"] });
  assertEquals(allowed.failures, []);
  assertEquals(allowed.changes.map(({ lost }) => lost), [0, 3, 20]);
  assertEquals(countsOf(allowed.dataSet), { aws: 21, gcp: 17, azure: 1 });
});

Deno.test("updateDataSet() keeps the part of a provider that has grown too much, unless it is allowed", async () => {
  const old = await makeOld();
  const more = {
    ...CLOUDS,
    gcp: { "europe-west9": [...block("10.1", 20), "16.0.0.0/8"] },
    azure: { "westeurope": block("10.2", 250).flatMap((_, at) => block(`11.${at}`, 5)) },
  };
  const { dataSet, changes, failures } = await update(old, getterOf(more), { allowed: ["loss"] });
  assertEquals(failures, [
    {
      provider: "gcp",
      reason: "it has grown from 5120 to 16782336 IPv4 addresses; allowed: at most 4204544",
      allowance: "growth",
    },
    {
      provider: "azure",
      reason: "it has grown from 20 to 1250 prefixes; allowed: at most 1040",
      allowance: "growth",
    },
  ]);
  assertEquals(changes.map(({ provider }) => provider), ["aws"]);
  assertEquals(dataSet, old);
  const allowed = await update(old, getterOf(more), { allowed: ["growth", "loss"] });
  assertEquals(countsOf(allowed.dataSet), { aws: 21, gcp: 21, azure: 1250 });
  // What has both lost and grown needs both.
  const { failures: both } = await update(old, getterOf(more));
  assertEquals(both.map(({ provider, allowance }) => [provider, allowance]), [
    ["gcp", "growth"],
    ["azure", "loss"],
    ["azure", "growth"],
  ]);
});

Deno.test("updateDataSet() takes each provider on its own", async () => {
  const old = await makeOld();
  const moved = {
    aws: { ...CLOUDS.aws, "eu-west-3": [], "eu-west-1": block("10.0", 20) },
    gcp: { "us-east1": block("10.1", 20) },
    azure: { "eastus": block("10.2", 20) },
  };
  const region = { aws: "eu-west-1", gcp: "us-east1", azure: "eastus" };
  for (const broken of NAMES) {
    const { dataSet, changes, failures } = await update(
      old,
      getterOf(moved, { [broken]: "<html>" }),
    );
    assertEquals(failures, [
      { provider: broken, reason: "Cannot parse published file: it is not JSON" },
    ]);
    assertEquals(changes.map(({ provider }) => provider), NAMES.filter((name) => name !== broken));
    for (const name of NAMES) {
      const isNew = listLocations(dataSet).includes(`${name}/${region[name]}`);
      assertEquals(isNew, name !== broken, `${name}, ${broken} broken`);
    }
    assertEquals(summarizeDataSet(dataSet).map(({ provider }) => provider), [...NAMES]);
  }
});

Deno.test("updateDataSet() asks for the providers that it is told to, and keeps the others", async () => {
  const old = await makeOld();
  const asked: string[] = [];
  const get = getterOf({ ...CLOUDS, gcp: { "us-east1": block("10.1", 20) } });
  const { dataSet, changes } = await update(old, (provider) => {
    asked.push(provider.name);
    return get(provider);
  }, { providers: ["gcp"] });
  assertEquals(asked, ["gcp"]);
  assertEquals(changes.map(({ provider }) => provider), ["gcp"]);
  assertEquals(listLocations(dataSet), [
    "aws/eu-west-3",
    "aws/us-east-1",
    "gcp/us-east1",
    "azure/westeurope",
  ]);
});

Deno.test("updateDataSet() asks for all when it is not told which", async () => {
  const asked: string[] = [];
  const { dataSet, failures } = await updateDataSet("", ({ name }) => {
    asked.push(name);
    return Promise.reject(new Error("gone"));
  });
  assertEquals(asked, PROVIDERS.map(({ name }) => name));
  assertEquals(failures, PROVIDERS.map(({ name }) => ({ provider: name, reason: "gone" })));
  assertEquals(dataSet, "");
});

Deno.test("updateDataSet() names each provider whose file cannot be had or read", async () => {
  const old = await makeOld();
  const get = getterOf(CLOUDS, { gcp: "<html>", azure: '{"values":[]}' });
  const failing = (provider: Provider<Name>) =>
    provider.name === "aws" ? Promise.reject(new Error("no connection")) : get(provider);
  assertEquals(await update(old, failing), {
    dataSet: old,
    changes: [],
    failures: [
      { provider: "aws", reason: "no connection" },
      { provider: "gcp", reason: "Cannot parse published file: it is not JSON" },
      {
        provider: "azure",
        reason: "Cannot read published file: values: found 0, allowed: at least one entry",
      },
    ],
  });
  // What is thrown may be no error at all.
  const thrown = await update(old, () => Promise.reject("gone"), { allowed: ["loss"] });
  assertEquals(thrown.failures.map(({ reason }) => reason), ["gone", "gone", "gone"]);
});

Deno.test("updateDataSet() never throws, and keeps what was, whatever a file says", async () => {
  const old = await makeOld();
  const text = fc.oneof(fc.string(), fc.json(), fc.constant(textOf("aws", CLOUDS.aws)));
  await fc.assert(fc.asyncProperty(text, text, text, async (aws, gcp, azure) => {
    const { dataSet, failures } = await update(old, getterOf(CLOUDS, { aws, gcp, azure }));
    assert(failures.every(({ reason }) => reason !== ""));
    assertEquals(dataSet, old);
  }));
});
