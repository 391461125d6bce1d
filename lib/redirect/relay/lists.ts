/**
 * Lists of relaying upstreams: tags and referrers. They are fetched for each client, and say
 * the name that clients use.
 *
 * @module
 */

import { describeReason } from "../../mirrors/asker.ts";
import type { ByDigest, Pulled } from "../../oci/request.ts";
import type { Limit } from "../../registry/limit.ts";
import { dropBody, tryReadBody } from "../../registry/read_body.ts";
import { createFlights } from "./flights.ts";
import { type Judge, keyOf } from "./judge.ts";
import { tryNextQuery } from "./next_link.ts";
import { failed, type Outcome } from "./outcome.ts";
import type { Ask, Source, SourceAnswer } from "./source.ts";

/** A request for a list: of tags, or of referrers. */
export type ForList = ByDigest | Extract<Pulled, { readonly kind: "tags" }>;

/** Fetches lists. The promise never rejects. */
export type Lists = (source: Source, list: Listing) => Promise<Outcome> | Outcome;

/** A list to fetch. */
export interface Listing {
  /** What is asked for, by the name that the upstream has for the repository. */
  readonly asked: ForList;
  /** The name that the client has for it. */
  readonly name: string;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal | undefined;
}

/** What fetching lists needs. */
export interface ListsOptions {
  /** Asks upstreams. */
  readonly ask: Ask;
  /** Judges answers. */
  readonly judge: Judge;
}

const MAX_BYTES = 8 * 1024 * 1024;
const INDEX = "application/vnd.oci.image.index.v1+json";

/** Makes a function that fetches lists. */
export function createLists({ ask, judge }: ListsOptions): Lists {
  const flights = createFlights<Outcome>();

  async function take(
    source: Source,
    { asked, name }: Listing,
    answer: SourceAnswer,
    limit: Limit,
  ): Promise<Outcome> {
    if (answer.kind === "redirect") return failed("upstream", "it redirects what is no blob");
    if (answer.kind !== "answered") return judge.judge(source, asked, answer);
    const { response } = answer;
    const { status, headers } = response;
    if (status !== 200) {
      dropBody(response);
      return failed("upstream", `it answered ${status} for a list`);
    }
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    try {
      bytes = await tryReadBody(response, MAX_BYTES, limit);
    } catch (error) {
      return failed("upstream", describeReason(error));
    }
    if (bytes === undefined) return failed("upstream", "a list of it has more than 8 MiB");
    const renamed = asked.kind === "tags" ? tryRenamed(bytes, name) : tryIndex(bytes);
    if (renamed === undefined) return failed("upstream", "a list of it has not the form of one");
    judge.noteAnswered(source, asked);
    return { kind: "list", bytes: renamed, headers: headersOf({ asked, name }, headers) };
  }

  return (source, listing) => {
    const { asked, name, signal: whenLeft } = listing;
    // A page that is missing has another query than one that is there.
    if (asked.query === "" && judge.isMissing(source, asked)) return { kind: "missing" };
    const rank = judge.rankOf(source, asked, false);
    const headers = { accept: typeOf(asked) };
    const key = `${keyOf(source, asked)} ${asked.query} ${name}`;
    return flights.join(
      key,
      whenLeft,
      (signal) =>
        ask(
          source,
          { asked, method: "GET", headers, rank, signal },
          (answer, limit) => take(source, listing, answer, limit),
        ),
    );
  };
}

function typeOf({ kind }: ForList): string {
  return kind === "tags" ? "application/json" : INDEX;
}

/** The list of tags with another name; `undefined` when it is none. */
function tryRenamed(bytes: Uint8Array, name: string): Uint8Array<ArrayBuffer> | undefined {
  const list = tryJson(bytes);
  if (list === undefined) return undefined;
  // A repository without tags has `null`, in some registries.
  const { tags } = list;
  const isList = tags === null ||
    Array.isArray(tags) && tags.every((tag) => typeof tag === "string");
  return isList ? encoder.encode(JSON.stringify({ ...list, name })) : undefined;
}

const encoder = new TextEncoder();

function tryIndex(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  return Array.isArray(tryJson(bytes)?.manifests) ? bytes : undefined;
}

function tryJson(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

// `artifactType`, and others that may come.
const FILTERS = /^[A-Za-z0-9, _-]{1,256}$/;

function headersOf({ asked, name }: Pick<Listing, "asked" | "name">, headers: Headers) {
  const told: Record<string, string> = {
    "content-type": typeOf(asked),
  };
  const query = tryNextQuery(headers.get("link"));
  if (query !== undefined) {
    const path = asked.kind === "tags" ? "tags/list" : `referrers/${asked.digest}`;
    told.link = `</v2/${name}/${path}${query}>; rel="next"`;
  }
  const filters = headers.get("oci-filters-applied");
  if (asked.kind !== "tags" && filters !== null && FILTERS.test(filters)) {
    told["oci-filters-applied"] = filters;
  }
  return told;
}
