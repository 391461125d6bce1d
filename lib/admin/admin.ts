/**
 * What operators ask on a separate listener: whether the program is alive, whether it is ready
 * for requests, its metrics, and how a request would be answered.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http/status";
import { explain } from "../redirect/explain.ts";
import { describeNoAddress, tryAddress } from "../net/address.ts";
import type { Handler } from "../redirect/handler.ts";
import { imagePath } from "../oci/image.ts";
import { type FillState, formatStateMetrics } from "../fill/state.ts";
import type { CountedMiss } from "../observe/misses.ts";
import { METRICS_TYPE } from "../observe/exposition.ts";
import { formatMetrics, type Standing } from "../observe/metrics.ts";
import type { Redirector } from "../redirect/redirector.ts";
import { textResponse } from "../redirect/responses.ts";

/** What the admin handler needs. */
export interface AdminOptions {
  /** Why the program is not ready for requests, or `undefined` when it is. */
  readonly unready: () => string | undefined;
  /** The state of the program, for metrics. */
  readonly standing: () => Standing;
  /** The redirector of the isolate that answers operators. */
  readonly redirector: () => Pick<Redirector, "routing" | "present">;
  /** What mirrors lacked, the most asked for first. */
  readonly misses: () => readonly CountedMiss[];
  /** What the last fill of the mirrors found; `undefined` if that is not known. */
  readonly fillState: () => Promise<FillState | undefined>;
}

const AUTHORITY = /^[^/]*\/\/[^/?]*/;
const PATHS = "/healthz, /readyz, /metrics, /misses, /explain?address=ADDRESS&path=PATH";

/** An answer: a text, its status, and its media type. */
interface Told {
  readonly text: string;
  readonly status?: number;
  readonly type?: string;
}

/** Makes the handler of the admin listener. */
export function createAdminHandler(options: AdminOptions): Handler {
  return function handle({ method, url }) {
    if (method !== "GET" && method !== "HEAD") {
      const status = STATUS_CODE.MethodNotAllowed;
      return textResponse("only GET and HEAD are supported\n", { method, status });
    }
    // The authority comes from the client's Host header, and may be invalid.
    const told = tell(new URL(url.replace(AUTHORITY, "http://admin")), options);
    const respond = ({ text, ...rest }: Told) => textResponse(text, { method, ...rest });
    return told instanceof Promise ? told.then(respond) : respond(told);
  };
}

function tell({ pathname, searchParams }: URL, options: AdminOptions): Told | Promise<Told> {
  switch (pathname) {
    case "/healthz":
      return { text: "ok\n" };
    case "/readyz":
      return tellReadiness(options.unready());
    case "/metrics":
      return tellMetrics(options);
    case "/misses":
      return {
        text: JSON.stringify({ misses: options.misses() }, null, 2) + "\n",
        type: "application/json",
      };
    case "/explain":
      return explainRequest(searchParams, options);
    default:
      return { text: `not found; there are ${PATHS}\n`, status: STATUS_CODE.NotFound };
  }
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

const EXPLAIN_USAGE =
  "explain takes an address, and a path that begins with a slash or an image: " +
  "/explain?address=192.0.2.1&path=/v2/pause/manifests/3.9 or " +
  "/explain?address=192.0.2.1&image=pause:3.9\n";

function explainRequest(parameters: URLSearchParams, { redirector }: AdminOptions): Told {
  const address = parameters.get("address");
  const path = tryPath(parameters);
  if (address === null || path === undefined) {
    return { text: EXPLAIN_USAGE, status: STATUS_CODE.BadRequest };
  }
  const client = tryAddress(address);
  if (client === undefined) {
    return { text: `${describeNoAddress(address)}\n`, status: STATUS_CODE.BadRequest };
  }
  const { routing, present } = redirector();
  const explained = explain(client, { address, path }, routing(), present);
  return { text: JSON.stringify(explained, null, 2) + "\n", type: "application/json" };
}

function tryPath(parameters: URLSearchParams): string | undefined {
  const image = parameters.get("image");
  if (image) return imagePath(image);
  const path = parameters.get("path");
  return path?.startsWith("/") ? path : undefined;
}
