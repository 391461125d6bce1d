import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { listLocations } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { MOST_BYTES } from "../../lib/locations/published.ts";
import { runProgram, temporaryFolder } from "./program.ts";
import { entriesOf, formatPublished, publishedFiles, PUBLISHERS } from "./published_files.ts";

const FILES = publishedFiles();

function dataSetOf(module: string): string {
  return module.slice(
    module.indexOf("`;") < 0 ? 0 : module.indexOf("= `") + 3,
    module.lastIndexOf("`"),
  );
}

function prefixesOf(dataSet: string): string {
  return dataSet.replaceAll(/^date .*\n/gm, "").replaceAll(/^source .*\n/gm, "");
}

async function update(files: Record<string, string>, ...options: string[]) {
  using folder = temporaryFolder(files);
  return await runProgram(["ranges", "update", "--from", folder.path, ...options, ...PUBLISHERS]);
}

Deno.test("ranges says what the embedded data is", async () => {
  const { status, out } = await runProgram(["ranges"]);
  assertEquals(status, 0);
  const [head, ...rows] = out.trimEnd().split("\n");
  assertMatch(head!, /^provider +date +prefixes +regions +source$/);
  for (const [at, row] of rows.entries()) {
    const [name, date, count] = row.split(/ +/) as [string, string, string];
    assertEquals(name, PROVIDERS[at]!.name);
    assertMatch(date, /^(\d{4}-\d\d-\d\d|-)$/);
    assertEquals(Number(count), entriesOf(name).length);
  }
});

Deno.test("ranges --help names every provider and the file that it publishes", async () => {
  const { out } = await runProgram(["ranges", "--help"]);
  assertStringIncludes(out, `only these of ${PROVIDERS.map(({ name }) => name).join(", ")}\n`);
  for (const { fileName } of PROVIDERS) assertStringIncludes(out, `  ${fileName}\n`);
});

Deno.test("ranges --locations lists every location", async () => {
  const { out } = await runProgram(["ranges", "--locations"]);
  assertEquals(out.trimEnd().split("\n"), listLocations(EMBEDDED));
});

Deno.test("ranges update makes the same data set of the same files", async () => {
  const { status, out, err } = await update(FILES);
  assertEquals(status, 0);
  assertEquals(
    err,
    "aws: 0 added, 0 removed\ngcp: 0 added, 0 removed\nazure: 0 added, 0 removed\n",
  );
  assertEquals(prefixesOf(dataSetOf(out)), prefixesOf(EMBEDDED));
  assertStringIncludes(out, "\ndate 2026-08-01\n");
  assertStringIncludes(out, "\ndate 2026-08-02\n");
});

Deno.test("ranges update says what changed, and writes it whole to a file", async () => {
  const [[region, prefix], ...rest] = entriesOf("gcp") as [[string, string], ...[string, string][]];
  const changed = [...rest, ["mars-north1", "192.0.2.0/24"] as const];
  using folder = temporaryFolder();
  const out = `${folder.path}/embedded.ts`;
  const { status, err } = await update(
    { ...FILES, "gcp-cloud.json": formatPublished("gcp", changed) },
    "--out",
    out,
  );
  assertEquals(status, 0);
  assertStringIncludes(
    err,
    `gcp: 1 added, 1 removed\n  - gcp/${region} ${prefix}\n  + gcp/mars-north1 192.0.2.0/24\n`,
  );
  const module = await Deno.readTextFile(out);
  assertStringIncludes(module, "location gcp/mars-north1\n192.0.2.0/24\n");
  const { EMBEDDED: made } = await import(`file://${out}`);
  assertEquals(made, dataSetOf(module));
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["embedded.ts"]);
});

Deno.test("ranges update keeps the part of a provider whose file is wrong, and writes the others", async () => {
  const aws = entriesOf("aws");
  const { "azure-service-tags.json": _, ...withoutAzure } = FILES;
  const table: { asked: Record<string, string>; provider: string; expected: string }[] = [
    { asked: withoutAzure, provider: "azure", expected: "cannot read " },
    { asked: { ...FILES, "gcp-cloud.json": "{" }, provider: "gcp", expected: "Cannot parse " },
    { asked: { ...FILES, "gcp-cloud.json": "{}" }, provider: "gcp", expected: "Cannot read " },
    {
      asked: { ...FILES, "aws-ip-ranges.json": formatPublished("aws", aws.slice(aws.length / 5)) },
      provider: "aws",
      expected: `it has lost ${
        Math.floor(aws.length / 5)
      } of ${aws.length} prefixes; allowed: at most a tenth, or --allow-loss\n`,
    },
    {
      asked: {
        ...FILES,
        "aws-ip-ranges.json": formatPublished(
          "aws",
          [
            ...aws,
            ...Array.from({ length: 13 }, (_, at): [string, string] => [
              "mars-1",
              `${200 + at}.0.0.0/8`,
            ]),
          ],
        ),
      },
      provider: "aws",
      expected: "it has grown from ",
    },
  ];
  for (const { asked, provider, expected } of table) {
    using folder = temporaryFolder({ "embedded.ts": "old" });
    const out = `${folder.path}/embedded.ts`;
    const { status, err } = await update(asked, "--out", out);
    assertEquals(status, 1);
    assertStringIncludes(err, `archeio: the old part is kept of:\n  ${provider}: ${expected}`);
    for (const name of PUBLISHERS) {
      assertEquals(err.includes(`${name}: 0 added, 0 removed\n`), name !== provider, err);
    }
    assertEquals(prefixesOf(dataSetOf(await Deno.readTextFile(out))), prefixesOf(EMBEDDED));
  }
});

Deno.test("ranges update writes nothing when every file is wrong, and names each", async () => {
  using folder = temporaryFolder({ "embedded.ts": "old" });
  const out = `${folder.path}/embedded.ts`;
  const { status, err } = await update({}, "--out", out);
  assertEquals(status, 1);
  assertStringIncludes(err, "archeio: the old data is kept:\n");
  for (const name of PUBLISHERS) assertStringIncludes(err, `\n  ${name}: cannot read`);
  assertEquals(await Deno.readTextFile(out), "old");
});

Deno.test("ranges update takes the providers that it is told to, and keeps the others", async () => {
  const gcp = formatPublished("gcp", [...entriesOf("gcp"), ["mars-north1", "192.0.2.0/24"]]);
  using folder = temporaryFolder({ "gcp-cloud.json": gcp });
  const args = ["ranges", "update", "--from", folder.path];
  const { status, err, out } = await runProgram([...args, "gcp"]);
  assertEquals([status, err], [0, "gcp: 1 added, 0 removed\n  + gcp/mars-north1 192.0.2.0/24\n"]);
  const added = "location gcp/mars-north1\n192.0.2.0/24\n";
  const count = /(?<=^provider gcp\n)count .*\n/m;
  assertEquals(
    prefixesOf(dataSetOf(out)).replace(added, "").replace(count, ""),
    prefixesOf(EMBEDDED).replace(count, ""),
  );
  const unknown = await runProgram([...args, "gcp", "ibm"]);
  assertEquals(unknown.status, 2);
  assertStringIncludes(unknown.err, 'archeio: unknown provider "ibm": there are aws, ');
});

Deno.test("ranges update reads no file of more than 64 MiB", async () => {
  using folder = temporaryFolder();
  Deno.createSync(`${folder.path}/gcp-cloud.json`).close();
  Deno.truncateSync(`${folder.path}/gcp-cloud.json`, MOST_BYTES + 1);
  const { status, err } = await runProgram(["ranges", "update", "--from", folder.path, "gcp"]);
  assertEquals(status, 1);
  assertStringIncludes(err, 'gcp-cloud.json": it has more than 67108864 bytes');
});

Deno.test("ranges update takes a file with a byte order mark, and its own date alone", async () => {
  const files = Object.entries(FILES).map(([name, text]) => [name, `\uFEFF${text}`]);
  const { status, out } = await update(Object.fromEntries(files));
  assertEquals(status, 0);
  assertEquals(dataSetOf(out).match(/^date .*$/gm)!.slice(0, 3), [
    "date 2026-08-01",
    "date 2026-08-02",
    "date -",
  ]);
});

Deno.test("ranges update --date tells the day of the files that have none", async () => {
  const { status, out } = await update(FILES, "--date", "2026-08-03");
  assertEquals(status, 0);
  assertEquals(dataSetOf(out).match(/^date .*$/gm)!.slice(0, 3), [
    "date 2026-08-01",
    "date 2026-08-02",
    "date 2026-08-03",
  ]);
  for (const day of ["yesterday", "2026-13-01"]) {
    const { status, err } = await update(FILES, "--date", day);
    assertEquals(status, 2);
    assertStringIncludes(err, `archeio: --date: found "${day}", allowed: a day, YYYY-MM-DD`);
  }
});

Deno.test("ranges update lists what changed in each region together", async () => {
  const entries = entriesOf("gcp");
  const inRegion = (name: string) => entries.filter(([region]) => region === name);
  const [[, first] = [], ...others] = inRegion("us-east1");
  const changed = [
    ...entries.filter(([region]) => region !== "us-east1" && region !== "asia-east1"),
    ...others,
    ...inRegion("asia-east1").slice(1),
    ["asia-east1", "192.0.2.0/24"] as const,
    ["us-east1", "198.51.100.0/24"] as const,
  ];
  const { err } = await update({ ...FILES, "gcp-cloud.json": formatPublished("gcp", changed) });
  assertStringIncludes(
    err,
    `gcp: 2 added, 2 removed
  - gcp/asia-east1 ${inRegion("asia-east1")[0]![1]}
  + gcp/asia-east1 192.0.2.0/24
  - gcp/us-east1 ${first}
  + gcp/us-east1 198.51.100.0/24
`,
  );
});

Deno.test("ranges update --allow-loss takes a file that has shrunk", async () => {
  const files = {
    ...FILES,
    "gcp-cloud.json": formatPublished("gcp", [["us-east1", "192.0.2.0/24"]]),
  };
  const { status, err } = await update(files, "--allow-loss");
  assertEquals(status, 0);
  assertStringIncludes(err, `gcp: 1 added, ${entriesOf("gcp").length} removed`);
});

Deno.test("ranges update --allow-growth takes a file that has grown", async () => {
  const entries = Array.from({ length: 4000 }, (_, at): [string, string] => [
    "mars-1",
    `198.${at >> 8}.${at & 255}.0/24`,
  ]);
  const files = {
    ...FILES,
    "gcp-cloud.json": formatPublished("gcp", [...entriesOf("gcp"), ...entries]),
  };
  const { status, err } = await update(files);
  assertEquals(status, 1);
  assertStringIncludes(err, " prefixes; allowed: at most ");
  assertStringIncludes(err, ", or --allow-growth\n");
  assertEquals((await update(files, "--allow-growth")).status, 0);
});

Deno.test("ranges update says why it cannot write", async () => {
  const { status, err } = await update(FILES, "--out", "/nowhere/embedded.ts");
  assertEquals(status, 1);
  assertStringIncludes(err, 'archeio: cannot write "/nowhere/embedded.ts": there is no such file');
});

const LINK =
  "https://download.microsoft.com/download/7/1/d/71d86715/ServiceTags_Public_20260803.json";

function fakeFetch(answers: Record<string, () => Response>): typeof fetch {
  return (input) => {
    const answer = answers[String(input)];
    if (answer === undefined) return Promise.reject(new TypeError("fetch failed"));
    return Promise.resolve(answer());
  };
}

const AWS = "https://ip-ranges.amazonaws.com/ip-ranges.json";
const GCP = "https://www.gstatic.com/ipranges/cloud.json";
const AZURE = "https://www.microsoft.com/en-us/download/details.aspx?id=56519";

const PUBLISHED: Record<string, () => Response> = {
  [AWS]: () => new Response(FILES["aws-ip-ranges.json"]),
  [GCP]: () =>
    new Response(FILES["gcp-cloud.json"], {
      headers: { "last-modified": "Sun, 02 Aug 2026 01:02:03 GMT" },
    }),
  [AZURE]: () => new Response(`<a href="${LINK}">download</a>`),
  [LINK]: () => new Response(FILES["azure-service-tags.json"]),
};

Deno.test("ranges update fetches the published files, Azure's by the page that links to it", async () => {
  const { status, out } = await runProgram(["ranges", "update", ...PUBLISHERS], {
    fetch: fakeFetch(PUBLISHED),
  });
  assertEquals(status, 0);
  assertStringIncludes(out, `provider azure\nsource ${LINK}\ndate 2026-08-03\n`);
  assertEquals(prefixesOf(dataSetOf(out)), prefixesOf(EMBEDDED));
});

Deno.test("ranges update says what could not be fetched", async () => {
  const fetch = fakeFetch({
    [AWS]: () => new Response("gone", { status: 404 }),
    [AZURE]: () => new Response("no link"),
  });
  const { status, err } = await runProgram(["ranges", "update", ...PUBLISHERS], { fetch });
  assertEquals(status, 1);
  assertStringIncludes(err, `\n  aws: cannot fetch ${AWS}: it answered 404\n`);
  assertStringIncludes(err, `\n  gcp: cannot fetch ${GCP}: fetch failed\n`);
  assertStringIncludes(err, `\n  azure: found no link to the file in ${AZURE}\n`);
});
