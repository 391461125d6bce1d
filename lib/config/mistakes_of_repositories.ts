/**
 * Mistakes in where repositories are: names that do not go with their patterns.
 *
 * @module
 */

import { formatPath } from "./mapping.ts";
import type { Mistake } from "./mistakes.ts";
import type { Sketch } from "./sketch.ts";

/** Finds names elsewhere that have a `*` when their pattern has none, or none when it has one. */
export function* findWrongStars({ repositories = {} }: Sketch): Generator<Mistake> {
  for (const [pattern, { as }] of Object.entries(repositories)) {
    if (as === undefined || as.includes("*") === pattern.includes("*")) continue;
    yield {
      path: formatPath(["repositories", pattern, "as"]),
      found: as,
      allowed: as.includes("*")
        ? "a name without *, as the pattern has none"
        : `a name with a *, which stands for what that of ${pattern} stands for: many ` +
          "repositories cannot be one",
    };
  }
}
