/**
 * Fetches the providers' published files.
 *
 * @module
 */

import type { Provider, PublishedFile } from "./provider.ts";
import { MOST_BYTES } from "./published.ts";

/** What fetching files needs. */
export interface FetchOptions {
  /** Sends a request, like the platform's `fetch`. */
  readonly fetch: typeof fetch;
  /** URLs to fetch the files from instead of from the providers, by provider. */
  readonly sources?: Readonly<Record<string, string | undefined>>;
}

const TIMEOUT_MS = 60_000;
const MOST_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Fetches a provider's file. Its date comes from the `Last-Modified` header, unless that is the
 * time of the answer. Up to five redirects are followed, from `https:` only to `https:`.
 *
 * @throws {Error} with the URL and the reason, when the file cannot be fetched in a minute
 */
export async function fetchPublished(
  { name, source, tryLink }: Provider,
  { fetch, sources }: FetchOptions,
): Promise<PublishedFile> {
  const own = sources?.[name];
  if (own !== undefined) return await fetchText(own, fetch);
  if (tryLink === undefined) return await fetchText(source, fetch);
  const page = await fetchText(source, fetch);
  const link = tryLink(page.text);
  if (link === undefined) throw new Error(`found no link to the file in ${source}`);
  return await fetchText(link, fetch);
}

async function fetchText(source: string, fetch: FetchOptions["fetch"]): Promise<PublishedFile> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let url = source;
  try {
    for (let redirects = 0;; redirects++) {
      const response = await fetch(url, { redirect: "manual", signal });
      if (response.ok) {
        const text = await readText(response);
        return { source, text, date: tryDayPublished(response.headers) };
      }
      await response.body?.cancel();
      if (!REDIRECTS.includes(response.status)) throw new Error(`it answered ${response.status}`);
      if (redirects === MOST_REDIRECTS) {
        throw new Error(`there are more than ${MOST_REDIRECTS} redirects`);
      }
      url = resolveRedirect(response, url);
    }
  } catch (error) {
    const redirected = url === source ? "" : `, redirected to ${url}`;
    throw new Error(`cannot fetch ${source}${redirected}: ${reasonOf(error)}`);
  }
}

// The file decides where clients are sent, so nobody on the network path may change it, unless
// the operator configured an http: URL.
function resolveRedirect({ status, headers }: Response, url: string): string {
  const location = headers.get("location");
  if (location === null) throw new Error(`it answered ${status} without a Location`);
  const next = URL.parse(location, url);
  const isAllowed = next?.protocol === "https:" ||
    (next?.protocol === "http:" && url.startsWith("http:"));
  if (isAllowed) return next.href;
  throw new Error(`it redirects to "${location}"; allowed: an https: URL`);
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

// The cause says more than "fetch failed".
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

// A file that is made for each request was last modified when it was asked for, which says
// nothing about when it was published.
const MADE_FOR_REQUEST_MS = 60_000;

function tryDayPublished(headers: Headers): string | undefined {
  const modifiedMs = Date.parse(headers.get("last-modified") ?? "");
  const sentMs = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(modifiedMs) || sentMs - modifiedMs < MADE_FOR_REQUEST_MS) return undefined;
  return new Date(modifiedMs).toISOString().slice(0, 10);
}
