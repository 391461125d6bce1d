/**
 * The answers to relayed pulls.
 *
 * @module
 */

import type { OciError } from "../../oci/error_body.ts";
import { formatErrorBody } from "../../oci/error_body.ts";
import type { Pulled } from "../../oci/request.ts";
import { textResponse } from "../responses.ts";
import type { Failure, Outcome } from "./outcome.ts";
import type { Manifest } from "./relay_memory.ts";

/** What an answer depends on, beside what came of relaying. */
export interface AnswerTo {
  /** What is asked for. */
  readonly asked: Pulled;
  /** The client's request. */
  readonly request: Request;
  /** Whether the answer depends on the client's address. */
  readonly byClient: boolean;
  /** How long a tag is remembered, in milliseconds. */
  readonly tagTtlMs: number;
  /** Whether the platform compresses answers, unless they are said to be left as they are. */
  readonly compresses?: boolean | undefined;
}

/** Makes the answer to a relayed pull. */
export function answerTo(outcome: Outcome, to: AnswerTo): Response {
  const { method } = to.request;
  switch (outcome.kind) {
    case "manifest":
      return manifestAnswer(outcome.manifest, to);
    case "list":
      return listAnswer(outcome, method);
    case "redirect":
      return redirectAnswer(outcome.location);
    case "blob":
      return outcome.response;
    case "missing":
      return errorAnswer(404, UNKNOWN[to.asked.kind], method);
    case "slow_down":
      return errorAnswer(429, TOO_MANY, method, tryRetryAfter(outcome.retryAfter));
    case "failed":
      return errorAnswer(503, UNAVAILABLE[outcome.fault], method, RETRY_AFTER_S);
  }
}

const IMMUTABLE = "public, max-age=31536000, immutable";

function manifestAnswer(manifest: Manifest, to: AnswerTo): Response {
  const { digest, type, body, size } = manifest;
  const { asked, request } = to;
  const isByTag = asked.kind === "manifest_by_tag";
  const condition = request.headers.get("if-none-match");
  const isKnown = condition !== null && matches(condition, digest);
  const response = new Response(
    isKnown || request.method === "HEAD" ? null : body,
    isKnown ? NOT_MODIFIED : undefined,
  );
  const { headers } = response;
  // Cheaper than the `headers` option, which is converted by WebIDL's rules.
  if (!isKnown) {
    headers.set("content-type", type);
    headers.append("content-length", String(size));
  }
  headers.append("docker-content-digest", digest);
  headers.append("etag", `"${digest}"`);
  headers.append("cache-control", isByTag ? tagControl(to) : IMMUTABLE);
  // The length of a compressed answer is not told, and its tag is another one.
  if (to.compresses) headers.append("cache-control", "no-transform");
  headers.append("vary", "accept");
  return response;
}

const NOT_MODIFIED = { status: 304 };

function tagControl({ byClient, tagTtlMs }: AnswerTo): string {
  return `${byClient ? "private, " : ""}max-age=${Math.floor(tagTtlMs / 1000)}`;
}

// RFC 9110, section 13.1.2: any of a list, compared weakly.
function matches(condition: string, digest: string): boolean {
  if (condition.trim() === "*") return true;
  const etag = `"${digest}"`;
  return condition.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

function listAnswer(
  { bytes, headers }: Outcome & { readonly kind: "list" },
  method: string,
): Response {
  return new Response(method === "HEAD" ? null : bytes, {
    headers: {
      ...headers,
      "content-length": String(bytes.length),
      // Deno before 2.8 compresses it otherwise, and HEAD must have the headers of GET.
      "cache-control": "no-transform",
    },
  });
}

function redirectAnswer(location: string): Response {
  return new Response(null, {
    status: 307,
    headers: { location, "content-length": "0", "cache-control": "no-store" },
  });
}

const UNKNOWN: Readonly<Record<Pulled["kind"], OciError>> = {
  blob: { code: "BLOB_UNKNOWN", message: "the blob is not known to the registry" },
  manifest_by_digest: {
    code: "MANIFEST_UNKNOWN",
    message: "the manifest is not known to the registry",
  },
  manifest_by_tag: {
    code: "MANIFEST_UNKNOWN",
    message: "the manifest is not known to the registry",
  },
  // With `NAME_UNKNOWN`, oras would not go on to the fallback tag.
  referrers: { code: "MANIFEST_UNKNOWN", message: "the registry has no list of referrers for it" },
  tags: { code: "NAME_UNKNOWN", message: "the repository is not known to the registry" },
};

const TOO_MANY: OciError = {
  code: "TOOMANYREQUESTS",
  message: "the registry has been asked too often: try again later",
};

const NO_ANSWER: OciError = {
  code: "UNAVAILABLE",
  message: "the registry behind this name does not answer: try again later",
};
const BUSY: OciError = {
  code: "UNAVAILABLE",
  message: "too much is being asked for: try again later",
};
const NOT_SERVED: OciError = {
  code: "UNAVAILABLE",
  message: "no mirror has the blob yet: try again later",
};

const UNAVAILABLE: Readonly<Record<Failure["fault"], OciError>> = {
  upstream: NO_ANSWER,
  token: NO_ANSWER,
  credentials: NO_ANSWER,
  refused: NO_ANSWER,
  busy: BUSY,
  streams: BUSY,
  no_streams: NOT_SERVED,
};

const RETRY_AFTER_S = "5";

// RFC 9110, section 10.2.3: seconds, or a date.
function tryRetryAfter(value: string | undefined): string {
  return value !== undefined && /^(?:\d{1,9}|[A-Za-z]{3}, [0-9A-Za-z: ]{20,30})$/.test(value)
    ? value
    : RETRY_AFTER_S;
}

function errorAnswer(status: number, error: OciError, method: string, retryAfter?: string) {
  const response = textResponse(formatErrorBody(error), {
    method,
    status,
    type: "application/json",
  });
  if (retryAfter !== undefined) response.headers.set("retry-after", retryAfter);
  return response;
}
