/**
 * Takes pictures of the page, for the documentation or to look at:
 * `deno run -A tests/page/pictures.ts [FOLDER]` puts all of them in a folder, without it those of
 * the documentation are made anew.
 *
 * @module
 */

import { listLocations } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { findChromium, openBrowser, openPage } from "./browser.ts";
import { play, type Scenario } from "./scenario.ts";

const UPSTREAMS = {
  main: { endpoint: "https://us-central1-docker.pkg.dev", path: "k8s-artifacts-prod/images" },
};

const EMPTY: Scenario = {
  config: { admin: {}, upstreams: { main: { endpoint: "https://registry-origin.example" } } },
  hours: 0.005,
  pullsPerS: 0,
};

const REGIONS = listLocations(EMBEDDED).filter((name) => /^aws\/\w+-\w+-\d$/.test(name))
  .map((name) => name.slice("aws/".length)).slice(0, 39);

function createConfig(regions: readonly string[]) {
  const mirrorOf = (region: string) => `s3-${region}`;
  return {
    admin: {},
    upstreams: UPSTREAMS,
    pages: { backends: { also: ["*.s3.dualstack.example"] } },
    mirrors: {
      ...Object.fromEntries(regions.map((region) => [
        mirrorOf(region),
        { url: `https://${mirrorOf(region)}.example/images` },
      ])),
      cdn: { url: "https://cdn.example/images", fallback_limit: 1000 },
    },
    rules: [
      { clients: ["gcp/*"], mirrors: [] },
      ...regions.map((region) => ({
        clients: [`aws/${region}`],
        mirrors: [mirrorOf(region), "cdn"],
      })),
      { clients: ["*"], mirrors: ["cdn"] },
    ],
    health: { interval_ms: 20_000, max_interval_ms: 60_000 },
  };
}

const BUSY: Scenario = {
  config: createConfig(["eu-west-3", "eu-central-1", "us-east-1", "us-west-2", "ap-northeast-1"]),
  hours: 25,
  pullsPerS: 2,
  failed: { "s3-us-east-1": [300, 40] },
};

const FORTY: Scenario = {
  config: createConfig(REGIONS),
  hours: 3,
  pullsPerS: 4,
  failing: {
    "s3-eu-west-3": { forMin: 14, status: 403 + 97 },
    "s3-us-east-1": { forMin: 3 },
    "s3-ap-northeast-1": { forMin: 95, status: 503 },
  },
  refusedReload:
    'archeio.yaml:12:9: rules[3].mirrors[0]: found "s3-eu-wset-3"; allowed: the name of a mirror; did you mean "s3-eu-west-3"?',
};

const SCENARIOS = { empty: EMPTY, busy: BUSY, forty: FORTY };
const WIDTHS = [360, 1024, 1920];

async function takeAll(folder: string, wanted: readonly string[]): Promise<void> {
  await using chromium = await openBrowser(findChromium()!);
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await using played = await play(scenario);
    for (const width of WIDTHS) {
      for (const scheme of ["light", "dark"] as const) {
        const page = await openPage(chromium.browser, { width, scheme });
        const query = name === "empty" ? "" : "?address=35.180.1.1&path=pause:3.9";
        await page.goto(played.url + query, { waitUntil: "load" });
        await page.waitForSelector("#live.live");
        for (const full of [false, true]) {
          const path = `${folder}/${name}-${width}-${scheme}${full ? "-full" : ""}.png`;
          await page.screenshot({ path: path as `${string}.png`, fullPage: full });
        }
        await page.close();
      }
    }
  }
}

const BLOB = `/v2/kube-proxy/blobs/sha256:${(7919).toString(16).padStart(63, "0")}b`;

/** Takes the pictures of the documentation. */
async function takeForDocs(folder: string): Promise<void> {
  await using chromium = await openBrowser(findChromium()!);
  await using played = await play(FORTY);
  const mirrors = await openPage(chromium.browser, { width: 1100, height: 800 });
  await mirrors.goto(played.url);
  await mirrors.waitForSelector("#live.live");
  await mirrors.screenshot({ path: `${folder}/page-mirrors.png` });
  const clients = await openPage(chromium.browser, { width: 1100, height: 1150, scheme: "dark" });
  await clients.goto(`${played.url}?address=35.180.1.1&path=${BLOB}#ask`);
  await clients.waitForSelector("#live.live");
  await clients.screenshot({ path: `${folder}/page-clients.png` });
}

if (import.meta.main) {
  const [folder, ...wanted] = Deno.args;
  if (folder !== undefined) await Deno.mkdir(folder, { recursive: true });
  await (folder === undefined ? takeForDocs("docs") : takeAll(folder, wanted));
}
