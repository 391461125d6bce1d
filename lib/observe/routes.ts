/**
 * The kinds of requests, and the statuses of answers, that are counted.
 *
 * @module
 */

import type { Asked } from "../oci/request.ts";

/** The kinds of requests. */
export const ROUTES = [
  "blob",
  "manifest_by_tag",
  "manifest_by_digest",
  "tags",
  "referrers",
  "version",
  "info",
  "privacy",
  "backends",
  "catalog",
  "invalid",
  "method",
  "nothing",
  "token",
] as const satisfies readonly (Asked["kind"] | "token")[];

/** A kind of requests. */
export type Route = typeof ROUTES[number];

/** The statuses of answers that are counted. */
export const STATUSES = [
  ...[200, 206, 304, 307, 400, 401, 404, 405, 416, 429, 503] as const,
  500,
] as const;
