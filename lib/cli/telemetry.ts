/**
 * Traces and metrics by OpenTelemetry. The runtime makes them if the variable `OTEL_DENO` is
 * `true` (https://docs.deno.com/runtime/fundamentals/open_telemetry/); for a compiled
 * program, if it was `true` at compile time. The runtime does not know the route of a
 * request, which is added here.
 *
 * @module
 */

import type { Asked } from "../oci/request.ts";

/** The values of `http.route`. */
const ROUTES: Readonly<Record<Asked["kind"], string | undefined>> = {
  blob: "/v2/<name>/blobs/<digest>",
  manifest_by_tag: "/v2/<name>/manifests/<reference>",
  manifest_by_digest: "/v2/<name>/manifests/<reference>",
  tags: "/v2/<name>/tags/list",
  referrers: "/v2/<name>/referrers/<digest>",
  version: "/v2/",
  info: "/",
  privacy: "/privacy",
  backends: "/backends",
  catalog: "/v2/_catalog",
  invalid: undefined,
  method: undefined,
  nothing: undefined,
};

/**
 * Whether the runtime makes traces, which is the case if it has registered a provider with
 * the API. The variable alone does not show it.
 */
export function isTraced(world: object = globalThis): boolean {
  return Symbol.for("opentelemetry.js.api.1") in world;
}

/** Names the route of the current request. */
export type RouteTeller = (asked: Asked, method: string) => void;

/** Makes a function that names a request's route in its span, if there is one. */
export async function createRouteTeller(): Promise<RouteTeller> {
  // Importing takes some milliseconds, so it is done only for traces.
  const { trace } = await import("@opentelemetry/api");
  return (asked, method) => nameSpan(trace.getActiveSpan(), asked, method);
}

/** The parts of a span in use. */
export interface RequestSpan {
  /** Sets an attribute. */
  setAttribute(name: string, value: string): unknown;
  /** Renames it. */
  updateName(name: string): unknown;
}

/** Sets the name and the route of a request's span, by OpenTelemetry's conventions. */
export function nameSpan(
  span: RequestSpan | undefined,
  { kind }: Pick<Asked, "kind">,
  method: string,
): void {
  const route = ROUTES[kind];
  if (route === undefined || span === undefined) return;
  span.setAttribute("http.route", route);
  span.updateName(`${method} ${route}`);
}
