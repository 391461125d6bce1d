/**
 * What operators ask, on a listener of its own: whether the program lives, whether it is
 * to get requests, what it has counted, and what a request would get.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http/status";
import type { Routing } from "../config/create_routing.ts";
import { explain } from "../config/explain.ts";
import { describeNoAddress, tryAddress } from "../net/address.ts";
import type { Handler } from "./handler.ts";
import { formatMetrics, METRICS_TYPE, type Standing } from "./metrics.ts";

/** What the answers are made of. */
export interface AdminOptions {
  /** Why the program is not to get requests, or `undefined` when it is. */
  readonly unready: () => string | undefined;
  /** What there is to tell. */
  readonly standing: () => Standing;
  /** What requests are decided by. */
  readonly routing: () => Routing;
  /** Whether a mirror is down, by its name. */
  readonly isDown: (mirror: string) => boolean;
}

const AUTHORITY = /^[^/]*\/\/[^/?]*/;
const PATHS = "/healthz, /readyz, /metrics, /explain?address=ADDRESS&path=PATH";

/** Makes the handler of the admin listener. */
export function createAdminHandler(options: AdminOptions): Handler {
  return function handle(request) {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return text("only GET and HEAD are supported\n", STATUS_CODE.MethodNotAllowed, {
        allow: "GET, HEAD",
      });
    }
    // The authority is whatever a client sends as its Host header, and need not be one.
    const { pathname, searchParams } = new URL(request.url.replace(AUTHORITY, "http://admin"));
    switch (pathname) {
      case "/healthz":
        return text("ok\n");
      case "/readyz": {
        const reason = options.unready();
        return reason === undefined
          ? text("ready\n")
          : text(`not ready: ${reason}\n`, STATUS_CODE.ServiceUnavailable);
      }
      case "/metrics":
        return text(formatMetrics(options.standing()), STATUS_CODE.OK, {
          "content-type": METRICS_TYPE,
        });
      case "/explain":
        return explainRequest(searchParams, options);
      default:
        return text(`not found; there are ${PATHS}\n`, STATUS_CODE.NotFound);
    }
  };
}

function explainRequest(parameters: URLSearchParams, options: AdminOptions): Response {
  const address = parameters.get("address");
  const path = parameters.get("path");
  if (address === null || path === null || !path.startsWith("/")) {
    return text(
      "explain takes an address and a path that begins with a slash: " +
        "/explain?address=192.0.2.1&path=/v2/pause/manifests/3.9\n",
      STATUS_CODE.BadRequest,
    );
  }
  const client = tryAddress(address);
  if (client === undefined) return text(`${describeNoAddress(address)}\n`, STATUS_CODE.BadRequest);
  const explained = explain(client, { address, path }, options.routing());
  const mirrors = explained.mirrors.map((mirror) => ({
    ...mirror,
    state: options.isDown(mirror.name) ? "down" : "up",
  }));
  const first = mirrors.find(({ state }) => state === "up")?.location;
  const redirect = mirrors.length === 0 ? explained.redirect : first ?? explained.upstream;
  return text(JSON.stringify({ ...explained, mirrors, redirect }, null, 2) + "\n", STATUS_CODE.OK, {
    "content-type": "application/json",
  });
}

function text(
  body: string,
  status: number = STATUS_CODE.OK,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
