/**
 * Fetching the providers' published files.
 *
 * @module
 */

import type { Provider, ProviderName, PublishedFile } from "./providers.ts";

/** What files are fetched with. */
export interface FetchOptions {
  /** Fetches, as the platform's does. */
  readonly fetch: typeof fetch;
  /** The time of day in milliseconds since 1970. */
  readonly now: () => number;
  /** Where the files are, by provider, when not where the provider publishes them. */
  readonly sources?: Readonly<Partial<Record<ProviderName, string | undefined>>>;
}

const TIMEOUT_MS = 60_000;
// Three times the largest of them. More would keep requests waiting while it is read.
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Fetches a provider's file.
 *
 * @throws {Error} with the address and what went wrong, when it cannot be had in a minute
 */
export async function fetchPublished(
  { name, source, tryLink }: Provider,
  options: FetchOptions,
): Promise<PublishedFile> {
  const own = options.sources?.[name];
  if (own !== undefined) return await fetchText(own, options);
  if (tryLink === undefined) return await fetchText(source, options);
  const page = await fetchText(source, options);
  const link = tryLink(page.text);
  if (link === undefined) throw new Error(`no link to the file stands in ${source}`);
  return await fetchText(link, options);
}

async function fetchText(url: string, { fetch, now }: FetchOptions): Promise<PublishedFile> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await readText(response);
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    const modified = Date.parse(response.headers.get("last-modified") ?? "");
    const date = new Date(Number.isNaN(modified) ? now() : modified);
    return { source: url, text, date: formatDay(date) };
  } catch (error) {
    throw new Error(`cannot fetch ${url}: ${reasonOf(error)}`);
  }
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const piece of body ?? []) {
    length += piece.length;
    if (length > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

// "fetch failed" alone says little; what it was caused by says more.
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** A time's day, as data sets have it: `YYYY-MM-DD`. */
export function formatDay(time: Date): string {
  return time.toISOString().slice(0, 10);
}
