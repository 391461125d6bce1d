/**
 * Debian's Chromium, driven by puppeteer.
 *
 * @module
 */

import puppeteer, { type Browser, type Page } from "puppeteer-core";

/** Where Debian and others have it. */
const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of Chromium; `undefined` without one. */
export function findChromium(): string | undefined {
  return PATHS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A browser that is closed when it is disposed of. */
export interface OpenBrowser extends AsyncDisposable {
  /** It. */
  readonly browser: Browser;
}

/** Starts Chromium without a window. */
export async function openBrowser(path: string): Promise<OpenBrowser> {
  const browser = await puppeteer.launch({
    executablePath: path,
    headless: true,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    // Containers and build machines run as root, where its sandbox does not work.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
  });
  return { browser, [Symbol.asyncDispose]: () => browser.close() };
}

/** How a page is looked at. */
export interface Look {
  readonly width: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  readonly scripts?: boolean;
}

/** Opens a page. */
export async function openPage(
  browser: Browser,
  { width, height = 900, scheme = "light", scripts = true }: Look,
): Promise<Page> {
  const page = await browser.newPage();
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setJavaScriptEnabled(scripts);
  return page;
}
