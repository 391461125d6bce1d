/**
 * Traces and metrics by OpenTelemetry, which the runtime makes when the variable
 * `OTEL_DENO` is `true` (https://docs.deno.com/runtime/fundamentals/open_telemetry/); for
 * a compiled program, when it was `true` as that was compiled. What it cannot know is
 * which route a request is for.
 *
 * @module
 */

import type { Asked } from "../oci/request.ts";

/** The routes, as `http.route` has them. */
const ROUTES: Readonly<Record<Asked["kind"], string | undefined>> = {
  blob: "/v2/<name>/blobs/<digest>",
  manifest_by_tag: "/v2/<name>/manifests/<reference>",
  manifest_by_digest: "/v2/<name>/manifests/<reference>",
  tags: "/v2/<name>/tags/list",
  referrers: "/v2/<name>/referrers/<digest>",
  version: "/v2/",
  info: "/",
  privacy: "/privacy",
  catalog: "/v2/_catalog",
  invalid: undefined,
  method: undefined,
  nothing: undefined,
};

/**
 * Whether the runtime makes traces: then it has put there what the API finds it by. The
 * variable alone does not tell.
 */
export function isTraced(world: object = globalThis): boolean {
  return Symbol.for("opentelemetry.js.api.1") in world;
}

/** Names the route of the request that is being answered. */
export type RouteTeller = (asked: Asked, method: string) => void;

/** Makes a function that names a request's route in its span, when there is one. */
export async function createRouteTeller(): Promise<RouteTeller> {
  // It takes some milliseconds, which only those who want traces spend.
  const { trace } = await import("@opentelemetry/api");
  return (asked, method) => nameSpan(trace.getActiveSpan(), asked, method);
}

/** What is used of a span. */
export interface RequestSpan {
  /** Notes something. */
  setAttribute(name: string, value: string): unknown;
  /** Gives it another name. */
  updateName(name: string): unknown;
}

/** Names a request's span, and notes its route, as OpenTelemetry's conventions have it. */
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
