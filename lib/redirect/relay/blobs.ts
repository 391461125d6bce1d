/**
 * Blobs of relaying upstreams that no mirror has: the upstream's own redirect, or its bytes.
 *
 * @module
 */

import type { ByDigest } from "../../oci/request.ts";
import { dropBody } from "../../registry/read_body.ts";
import type { Judge } from "./judge.ts";
import { failed, type Outcome } from "./outcome.ts";
import type { RelayBounds } from "./relay_bounds.ts";
import type { Ask, Source, SourceAnswer } from "./source.ts";
import type { Streams } from "./streams.ts";

/** A client that asks for a blob. */
export interface ForBlob {
  /** What is asked for, by the name that the upstream has for the repository. */
  readonly asked: ByDigest;
  /** The client's request. */
  readonly request: Request;
}

/** Asks for blobs. The promise never rejects. */
export type Blobs = (source: Source, client: ForBlob) => Outcome | Promise<Outcome>;

/** What asking for blobs needs. */
export interface BlobsOptions {
  /** Asks upstreams. */
  readonly ask: Ask;
  /** Judges answers. */
  readonly judge: Judge;
  /** Streams bodies. */
  readonly streams: Streams;
  /** The limits in use. */
  readonly bounds: () => RelayBounds;
}

/** Makes a function that asks for blobs. */
export function createBlobs({ ask, judge, streams, bounds }: BlobsOptions): Blobs {
  function take(
    source: Source,
    { asked, request }: ForBlob,
    range: string | undefined,
    answer: SourceAnswer,
  ): Outcome {
    if (answer.kind === "redirect") {
      judge.noteAnswered(source, asked);
      return isOwn(answer.location, request)
        ? failed("upstream", "it redirects back to this server")
        : answer;
    }
    if (answer.kind !== "answered") return judge.judge(source, asked, answer);
    const { response } = answer;
    const { status } = response;
    if (status !== 200 && !(range !== undefined && (status === 206 || status === 416))) {
      dropBody(response);
      return failed("upstream", `it answered ${status} for a blob`);
    }
    judge.noteAnswered(source, asked);
    if (request.method === "HEAD" || status === 416) {
      dropBody(response);
      return { kind: "blob", response: new Response(null, headOf(response, asked)) };
    }
    if (!bounds().stream) {
      dropBody(response);
      return failed(
        "no_streams",
        "it serves a blob itself that no mirror has, and stream is false",
      );
    }
    const body = streams.open(response);
    if (body === undefined) {
      dropBody(response);
      return failed("streams", "as many blobs are being streamed as may be");
    }
    return { kind: "blob", response: new Response(body, headOf(response, asked)) };
  }

  return (source, client) => {
    const { asked, request } = client;
    if (judge.isMissing(source, asked)) return { kind: "missing" };
    const method = request.method === "HEAD" ? "HEAD" : "GET";
    const range = tryRange(request, asked);
    const headers = { accept: "*/*", ...(range !== undefined && { range }) };
    const rank = judge.rankOf(source, asked, false);
    return ask(
      source,
      { asked, method, headers, rank, signal: request.signal },
      (answer) => take(source, client, range, answer),
    );
  };
}

// A client can ask for any number of ranges in one request, for the price of one.
const ONE_RANGE = /^bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})$/;

/** The range that a client asks for: one, or the whole blob. */
function tryRange({ headers }: Request, { digest }: ByDigest): string | undefined {
  const range = headers.get("range");
  if (range === null || !ONE_RANGE.test(range)) return undefined;
  // RFC 9110, section 13.1.5.
  const condition = headers.get("if-range");
  return condition === null || condition === `"${digest}"` ? range : undefined;
}

const CONTENT_RANGE = /^bytes (?:\d{1,15}-\d{1,15}|\*)\/(?:\d{1,15}|\*)$/;

function headOf({ status, headers }: Response, { digest }: ByDigest): ResponseInit {
  const told: Record<string, string> = {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    "etag": `"${digest}"`,
    "accept-ranges": "bytes",
  };
  const length = headers.get("content-length");
  if (length !== null && /^\d{1,15}$/.test(length)) told["content-length"] = length;
  const range = headers.get("content-range");
  if (range !== null && CONTENT_RANGE.test(range)) told["content-range"] = range;
  return { status, headers: told };
}

// An upstream that sends clients back here would send them in circles.
function isOwn(location: string, { url, headers }: Request): boolean {
  const target = tryUrl(location, url);
  return target !== undefined && target.host === headers.get("host") &&
    target.pathname.startsWith("/v2/");
}

function tryUrl(location: string, base: string): URL | undefined {
  return URL.canParse(location, base) ? new URL(location, base) : undefined;
}
