/**
 * What operators ask on a separate listener: whether the program is alive, whether it is ready
 * for requests, its metrics, its state as a page and as JSON, and how a request would be
 * answered. No request changes anything.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http/status";
import { type FillState, formatStateMetrics } from "../fill/state.ts";
import { METRICS_TYPE } from "../observe/exposition.ts";
import { formatMetrics, type Standing } from "../observe/metrics.ts";
import type { CountedMiss } from "../observe/misses.ts";
import type { Handler } from "../redirect/handler.ts";
import type { Redirector } from "../redirect/redirector.ts";
import { textResponse } from "../redirect/responses.ts";
import { type AccessOptions, tryRefuse } from "./access.ts";
import { type Answered, answerExplain, answerLookup } from "./ask.ts";
import type { CreateStatus } from "./create_status.ts";

/** What the admin handler needs. */
export interface AdminOptions {
  /** Why the program is not ready for requests, or `undefined` when it is. */
  readonly unready: () => string | undefined;
  /** The state of the program, for metrics. */
  readonly standing: () => Standing;
  /** The state of the program, for people and programs. */
  readonly status: CreateStatus;
  /** The redirector of the isolate that answers operators. */
  readonly redirector: () => Pick<Redirector, "routing" | "present">;
  /** Who may ask. */
  readonly access: AccessOptions;
  /** What mirrors lacked, the most asked for first. */
  readonly misses: () => readonly CountedMiss[];
  /** What the last fill of the mirrors found; `undefined` if that is not known. */
  readonly fillState: () => Promise<FillState | undefined>;
}

const AUTHORITY = /^[^/]*\/\/[^/?]*/;
const PATHS = "/, /status, /healthz, /readyz, /metrics, /misses, " +
  "/explain?address=ADDRESS&path=PATH, /lookup?address=ADDRESS";

/** An answer: a text, its status, its media type and more headers. */
interface Told {
  readonly text: string;
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes the handler of the admin listener. */
export function createAdminHandler(options: AdminOptions): Handler {
  return function handle(request) {
    const { method, url } = request;
    if (method !== "GET" && method !== "HEAD") {
      const status = STATUS_CODE.MethodNotAllowed;
      return respond({ text: "only GET and HEAD are supported\n", status }, method);
    }
    // The authority comes from the client's Host header, and may be invalid.
    const asked = new URL(url.replace(AUTHORITY, "http://admin"));
    const refusal = tryRefuse(request, asked.pathname, options.access);
    if (refusal !== undefined) return respond(refusal, method);
    const told = tell(asked, options);
    return told instanceof Promise
      ? told.then((told) => respond(told, method))
      : respond(told, method);
  };
}

function respond({ text, headers = {}, ...rest }: Told, method: string): Response {
  const response = textResponse(text, { method, ...rest });
  for (const [name, value] of Object.entries({ ...SAFE, ...headers })) {
    response.headers.set(name, value);
  }
  return response;
}

// Neither a page of another site nor a proxy gets hold of an answer.
const SAFE = {
  "cache-control": "no-store, no-transform",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

function tell(url: URL, options: AdminOptions): Told | Promise<Told> {
  const { pathname, searchParams } = url;
  switch (pathname) {
    case "/":
    case "/page.js":
    case "/page.css":
      return tellPage(url, options);
    case "/status":
      return tellStatus(searchParams.get("history") !== "none", options);
    case "/healthz":
      return { text: "ok\n" };
    case "/readyz":
      return tellReadiness(options.unready());
    case "/metrics":
      return tellMetrics(options);
    case "/misses":
      return toJson({ misses: options.misses() });
    case "/explain":
      return toAnswer(answerExplain(searchParams, options.redirector()));
    case "/lookup":
      return toAnswer(answerLookup(searchParams.get("address"), options.redirector()));
    default:
      return { text: `not found; there are ${PATHS}\n`, status: STATUS_CODE.NotFound };
  }
}

// Loaded when the page is asked for, because it takes memory.
async function tellPage({ pathname, searchParams }: URL, options: AdminOptions): Promise<Told> {
  const { answerPage } = await import("./answer_page.ts");
  const { status, redirector } = options;
  const fill = await options.fillState();
  return answerPage(pathname, searchParams, { status: () => status(true, fill), redirector });
}

async function tellStatus(
  withHistory: boolean,
  { status, fillState }: AdminOptions,
): Promise<Told> {
  return toJson(status(withHistory, await fillState()));
}

async function tellMetrics({ standing, fillState }: AdminOptions): Promise<Told> {
  const state = await fillState();
  const ofFill = state === undefined ? "" : formatStateMetrics(state);
  return { text: formatMetrics(standing()) + ofFill, type: METRICS_TYPE };
}

function tellReadiness(reason: string | undefined): Told {
  return reason === undefined
    ? { text: "ready\n" }
    : { text: `not ready: ${reason}\n`, status: STATUS_CODE.ServiceUnavailable };
}

function toAnswer<Answer>(answered: Answered<Answer>): Told {
  return answered.kind === "answer"
    ? toJson(answered.answer)
    : { text: `${answered.message}\n`, status: STATUS_CODE.BadRequest };
}

function toJson(value: unknown): Told {
  return { text: JSON.stringify(value, null, 2) + "\n", type: "application/json" };
}
