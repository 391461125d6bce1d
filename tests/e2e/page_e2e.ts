/**
 * The page for operators, in Debian's Chromium, before the compiled program: for each question of
 * the person on call the answer is on it, while mirrors fail.
 *
 * @module
 */

/// <reference lib="dom" />

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import axe from "axe-core";
import type { Page } from "puppeteer-core";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { findChromium, type Look, openBrowser, openPage } from "../page/browser.ts";
import {
  type ClientPlace,
  CLIENTS,
  digestOf,
  type PageWorld,
  startPageWorld,
} from "./page/world.ts";
import { ensurePrograms } from "./programs.ts";

const CHROMIUM = findChromium();
if (CHROMIUM === undefined) console.log("the page is not tested in a browser: install chromium");

/** A page, and what went wrong on it. */
interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** Errors, and requests to elsewhere. */
  readonly wrong: string[];
}

/** Opens the page of a world, and watches it. */
async function openWatched(
  world: PageWorld,
  { path = "/", ...look }: Partial<Look> & { readonly path?: string } = {},
): Promise<Watched> {
  const opened = await openBrowser(CHROMIUM!);
  const page = await openPage(opened.browser, { width: 1280, ...look });
  const wrong: string[] = [];
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("requestfailed", (request) => wrong.push(`${request.url()} failed`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${world.admin}/`) && !url.startsWith("data:")) wrong.push(url);
  });
  await page.goto(world.admin + path);
  return { page, wrong, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

/** The text of an element, as a person reads it. */
async function textOf(page: Page, selector: string): Promise<string> {
  const text = await page.$eval(selector, (element) => (element as HTMLElement).innerText);
  return text.replaceAll(/\s+/g, " ").trim();
}

/** The rows of a section's first table, each as its cells by their headings. */
async function rowsOf(page: Page, section: string): Promise<Record<string, string>[]> {
  const rows = await page.$eval(`${section} table`, (table) => {
    const read = (cell: Element) => (cell as HTMLElement).innerText.replaceAll(/\s+/g, " ").trim();
    const titles = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent!.trim());
    return [...table.querySelectorAll("tbody tr")].map((row) =>
      Array.from(row.children).map((cell, at) => [titles[at]!, read(cell)])
    );
  });
  return rows.map((row) => Object.fromEntries(row));
}

/** Waits until an element's text has something in it. */
async function waitForText(
  page: Page,
  { selector, text, ms = 10_000 }: {
    readonly selector: string;
    readonly text: string;
    readonly ms?: number;
  },
): Promise<void> {
  try {
    await page.waitForFunction(
      (selector, text) =>
        document.querySelector<HTMLElement>(selector)?.innerText.replaceAll(/\s+/g, " ")
          .includes(text),
      { timeout: ms, polling: 100 },
      selector,
      text,
    );
  } catch (cause) {
    throw new Error(`no "${text}" in "${await textOf(page, selector)}"`, { cause });
  }
}

/** Defines a test that is left out without a browser. `deno task e2e` installs one. */
function test(name: string, play: () => Promise<void>): void {
  const ignore = CHROMIUM === undefined;
  Deno.test({
    name,
    ignore,
    async fn() {
      await ensurePrograms();
      await play();
    },
  });
}

test("the page says within 5 s which mirrors are down, since when and why, and that they are up again", async () => {
  await using world = await startPageWorld();
  await using opened = await openWatched(world);
  const { page, wrong } = opened;
  await waitForText(page, { selector: "#verdict", text: ": 3 mirrors up" });
  assertStringIncludes(await page.title(), "archeio");
  world.mirrors.paris!.status = 503;
  await waitForText(page, { selector: "#verdict", text: "1 of 3 mirrors is down", ms: 5000 });
  const verdict = await textOf(page, "#verdict");
  assertStringIncludes(
    verdict,
    "Mirror paris is down: status 503. Its clients are sent to cdn. for",
  );
  const [first] = await rowsOf(page, "#mirrors");
  assertStringIncludes(first!.Mirror!, "paris");
  assert(/^down \d+ s status 503$/.test(first!.State!), first!.State);
  assert(/^status 503, [\d.]+ ms \d+ s ago: status 503$/.test(first!["Last check"]!));
  assertEquals(await page.title(), "1 down · archeio");
  assertStringIncludes(await textOf(page, "#events"), "Mirror paris is down: status 503.");
  world.mirrors.paris!.status = undefined;
  await waitForText(page, { selector: "#verdict", text: ": 3 mirrors up" });
  assertStringIncludes(await textOf(page, "#events"), "Mirror paris is up after");
  assertEquals(wrong, []);
});

test("the page says where clients come from, where they are sent, and what that costs", async () => {
  await using world = await startPageWorld();
  world.mirrors.paris!.lacks.add(digestOf(1));
  world.mirrors.cdn!.lacks.add(digestOf(1));
  const pulls: readonly (readonly [ClientPlace, number, times: number])[] = [
    ["aws/eu-west-3", 1, 2],
    ["aws/eu-west-3", 2, 6],
    ["aws/us-east-1", 2, 4],
    ["gcp/europe-north1", 2, 3],
    ["elsewhere", 2, 1],
  ];
  for (const [place, number, times] of pulls) {
    for (let time = 0; time < times; time++) await world.pull(place, digestOf(number), "a/b");
  }
  await using opened = await openWatched(world);
  const { page, wrong } = opened;
  await waitForText(page, { selector: "#repositories", text: "a/b" });
  const table = await rowsOf(page, "#clients");
  const pick = ({ Location, Pulls, "From mirrors": near, "Sent to": to }: typeof table[number]) =>
    [Location, Pulls, near, to].join(" | ");
  assertEquals(table.map(pick), [
    "aws/eu-west-3 | 8 | 75 % | paris, cdn rule 2",
    "aws/us-east-1 | 4 | 100 % | virginia, cdn rule 3",
    "gcp/europe-north1 | 3 | 0 % | the upstream rule 1",
  ]);
  assertStringIncludes(await textOf(page, "#clients"), "1 pull (6.3 %) of clients in no known");
  const dots = await page.$$eval("#clients circle", (all) => all.map((dot) => dot.textContent));
  assertEquals(dots.map((text) => text!.trim().split(":")[0]).toSorted(), [
    "aws/eu-west-3",
    "aws/us-east-1",
    "gcp/europe-north1",
  ]);
  const [rule] = (await rowsOf(page, "#rules")).filter(({ Rule }) => Rule!.startsWith("rule 2"));
  assertEquals([rule!["From mirrors"], rule!.Missing], ["6", "2"]);
  assertStringIncludes(await textOf(page, "#figures"), "Blobs from mirrors 68.8 %");
  assertStringIncludes(await textOf(page, "#figures"), "Blobs from upstreams 31.3 %");
  assertStringIncludes(await textOf(page, "#figures"), "at 1 KB a blob");
  assertStringIncludes(await textOf(page, "#repositories"), "a/b 16 exact");
  assertEquals(wrong, []);
});

test("the page's charts show the requests of the last minutes", async () => {
  await using world = await startPageWorld();
  await using opened = await openWatched(world);
  const { page, wrong } = opened;
  const chart = "#traffic .hour figure:first-child";
  const beganMs = Date.now();
  let count = 0;
  const isDrawn = () => page.$eval(`${chart} path`, (path) => /L/.test(path.getAttribute("d")!));
  while (!await isDrawn()) {
    assert(Date.now() - beganMs < 60_000, "no line within a minute");
    for (let each = 0; each < 20; each++) await world.pull("elsewhere", digestOf(count++ % 99));
  }
  const rate = 1000 * count / (Date.now() - beganMs);
  const [, digits, thousand] = /requests ([\d.]+)(K?)\/s/.exec(await textOf(page, chart))!;
  const shown = Number(digits) * (thousand === "K" ? 1000 : 1);
  assert(shown > rate / 3 && shown < rate * 3, `${shown} of ${rate}`);
  const targets = await textOf(page, "#traffic .hour figure:nth-child(2)");
  assert(/cdn [1-9][\d.]*K?\/s/.test(targets), targets);
  await page.click("#span-day");
  assertEquals(
    await page.$eval(".charts.hour", (element) => getComputedStyle(element).display),
    "none",
  );
  assertStringIncludes(await textOf(page, ".charts.day"), "Known since 20");
  assertEquals(wrong, []);
});

test("explain's drawing is what a client gets, with scripts and without, while mirrors fail", async () => {
  await using world = await startPageWorld();
  const cases: readonly { place: ClientPlace; digest: string; down?: string; says: string }[] = [
    { place: "aws/eu-west-3", digest: digestOf(1), says: "Mirror paris ✓ serves" },
    { place: "aws/eu-west-3", digest: digestOf(2), down: "paris", says: "Mirror paris ✗ does not" },
    { place: "gcp/europe-north1", digest: digestOf(3), down: "paris", says: "Upstream ✓ serves" },
    { place: "elsewhere", digest: digestOf(4), down: "cdn", says: "Mirror cdn ✗ does not serve" },
  ];
  for (const scripts of [true, false]) {
    await using opened = await openWatched(world, { scripts });
    const { page, wrong } = opened;
    for (const { place, digest, down, says } of cases) {
      for (const [name, mirror] of Object.entries(world.mirrors)) {
        mirror.status = name === down ? 500 : undefined;
      }
      await waitForStates(world, down);
      const location = await world.pull(place, digest);
      await page.goto(world.admin);
      await page.type('[name="address"]', CLIENTS[place]);
      await page.type('[name="path"]', `/v2/app/blobs/${digest}`);
      await Promise.all([page.waitForNavigation(), page.click("#ask button")]);
      const drawn = await page.$$eval(
        ".way li",
        (all) => all.map((step) => `${step.querySelector("b")!.textContent} ${step.className}`),
      );
      assertEquals(drawn.at(-1), "Answer chosen");
      assertStringIncludes(await textOf(page, ".way li:last-child"), location);
      const text = await page.$$eval(
        ".way li",
        (all) =>
          all.map((step) =>
            step.querySelector("b")!.textContent +
            getComputedStyle(step.querySelector("b")!, "::after").content.replaceAll('"', "") +
            step.textContent!.replace(step.querySelector("b")!.textContent!, "")
          ).join("\n"),
      );
      assertStringIncludes(text, says);
    }
    await page.type('[name="lookup"]', CLIENTS["gcp/europe-north1"]);
    await Promise.all([page.waitForNavigation(), page.click("#ask form:nth-of-type(2) button")]);
    assertStringIncludes(await textOf(page, "#ask"), "is in gcp/europe-north1, by the prefix");
    assertEquals(wrong, []);
  }
});

/** Waits until just one mirror is down. */
async function waitForStates({ admin }: PageWorld, down: string | undefined): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs;) {
    const { mirrors } = await (await fetch(`${admin}/status`)).json();
    const states: readonly { name: string; state: string }[] = mirrors;
    if (states.every(({ name, state }) => (state === "down") === (name === down))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the mirrors but ${down} are not up`);
}

test("the page says how old the data is, which hosts to let through, and tells without scripts", async () => {
  await using world = await startPageWorld();
  world.mirrors.cdn!.status = 500;
  await waitForStates(world, "cdn");
  await using opened = await openWatched(world, { scripts: false });
  const { page, wrong } = opened;
  assertStringIncludes(await textOf(page, "#verdict"), "1 of 3 mirrors is down");
  assertEquals(await textOf(page, "#live").then((text) => text.startsWith("as of 20")), true);
  const data = await rowsOf(page, "#data");
  const clouds = data.map(({ Cloud }) => Cloud!.split(" ")[0]);
  assertEquals(clouds, PROVIDERS.map(({ name }) => name));
  assert(/^\d+ d 20\d\d-/.test(data[0]!.Age!), data[0]!.Age);
  const hosts = await rowsOf(page, "#hosts");
  const listed = hosts.map(({ Host }) => Host!);
  for (const { url } of [...Object.values(world.mirrors), world.upstream]) {
    assert(listed.includes(new URL(url).host), url);
  }
  assert(listed.includes("*.s3.example"));
  await page.click("#configuration summary");
  assertStringIncludes(await textOf(page, "#configuration pre"), '"virginia"');
  assertEquals(wrong, []);
});

test("the page says whether the mirrors are full, what is missing, and for how long", async () => {
  const nowS = Math.round(Date.now() / 1000);
  const full = { blobs: 90, missing: 0, missingSinceS: 0, copied: 0, copiedBytes: 0, failed: 0 };
  await using world = await startPageWorld({
    fillState: {
      version: 1,
      beganS: nowS - 900,
      endedS: nowS - 600,
      completeS: 0,
      blobs: 90,
      bytes: 9e9,
      readBytes: 0,
      failures: 0,
      mirrors: {
        paris: { ...full, blobs: 80, missing: 10, missingSinceS: nowS - 3 * 3600, failed: 10 },
        cdn: full,
      },
    },
  });
  world.mirrors.cdn!.status = 500;
  await waitForStates(world, "cdn");
  await using opened = await openWatched(world);
  const { page, wrong } = opened;
  await page.waitForSelector("#live.live");
  const rows = await rowsOf(page, "#mirrors");
  const missing = rows.map(({ Mirror, Missing }) => `${Mirror!.split(" ")[0]}: ${Missing}`);
  assertEquals(missing.toSorted(), [
    "cdn: full 90 blobs",
    "paris: 10 of 90 blobs for 3 h 10 failed",
    "virginia: not filled",
  ]);
  assertStringIncludes(await textOf(page, "#mirrors"), "The last fill ended 10 min ago");
  assertEquals(wrong, []);
});

test("the page is accessible, and scrolls sideways on no screen", async () => {
  const names = ["paris", "virginia", ...Array.from({ length: 38 }, (_, at) => `mirror-${at}`)];
  await using world = await startPageWorld({ mirrors: names });
  for (let at = 0; at < 5; at++) await world.pull("aws/eu-west-3", digestOf(at), "x".repeat(200));
  world.mirrors["mirror-7"]!.status = 500;
  await waitForStates(world, "mirror-7");
  const path = `/?address=${CLIENTS["aws/eu-west-3"]}&path=/v2/app/blobs/${digestOf(1)}&lookup=::1`;
  for (const width of [320, 360, 1024, 1920]) {
    for (const scheme of ["light", "dark"] as const) {
      await using opened = await openWatched(world, { width, scheme, path });
      const { page, wrong } = opened;
      await page.waitForSelector("#live.live");
      await page.click("#configuration summary");
      const shown = `${width} ${scheme}`;
      assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), width, shown);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => axe.run()) as axe.AxeResults;
      const serious = violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
      assertEquals(serious, [], shown);
      assertEquals(wrong, []);
    }
  }
});

test("the page keeps what a person does with it, and is reached by keyboard", async () => {
  await using world = await startPageWorld();
  await using opened = await openWatched(world);
  const { page, wrong } = opened;
  await page.waitForSelector("#live.live");
  await page.keyboard.press("Tab");
  assertEquals(await page.evaluate(() => document.activeElement!.textContent), "To the content");
  await page.type('[name="address"]', "192.0.2.1");
  world.mirrors.cdn!.status = 500;
  await waitForText(page, { selector: "#verdict", text: "1 of 3 mirrors is down" });
  const kept = await page.evaluate(() => {
    const active = document.activeElement as HTMLInputElement;
    return [active.name, active.value];
  });
  assertEquals(kept, ["address", "192.0.2.1"]);
  assertEquals(wrong, []);
});

test("hostile names and answers are shown as text", async () => {
  await using world = await startPageWorld();
  const hostile = `"><img src=x onerror=document.title=1><script>document.title=2</script>`;
  const query = new URLSearchParams({ address: hostile, path: hostile, lookup: hostile });
  await using opened = await openWatched(world, { path: `/?${query}` });
  const { page, wrong } = opened;
  await page.waitForSelector("#live.live");
  assertStringIncludes(await page.title(), "archeio");
  assertEquals(await page.$$eval("img, main script", (all) => all.length), 0);
  assertEquals(
    await page.$eval('[name="path"]', (box) => (box as HTMLInputElement).value),
    hostile,
  );
  assertEquals(wrong, []);
});
