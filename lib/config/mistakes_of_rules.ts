/**
 * Rules that can never match, and patterns that no location matches.
 *
 * @module
 */

import { matchesLocation } from "../routing/policy.ts";
import type { Mistake } from "./mistakes.ts";
import { didYouMean } from "./nearest.ts";
import type { Sketch } from "./sketch.ts";

/**
 * Finds rules whose clients are all served by earlier rules, and patterns that match no
 * location.
 */
export function* findUselessRules(config: Sketch, embedded: readonly string[]): Generator<Mistake> {
  if (config.locations === undefined) return;
  // `undefined` stands for the clients without a location.
  const all = new Set([...embedded, ...Object.keys(config.locations), undefined]);
  const mayCome = createForesight(config, embedded);
  const servedBy = new Map<string | undefined, number>();
  for (const [number, rule] of config.rules.entries()) {
    let useful = false;
    const before = new Set<number>();
    for (const [at, pattern] of rule.clients.entries()) {
      if (pattern === undefined) continue;
      const matched = [...all].filter((location) => matchesLocation(pattern, location));
      if (matched.length === 0 && mayCome(pattern)) useful = true;
      else if (matched.length === 0) {
        const allowed = USEFUL_PATTERN + didYouMean(pattern, listPatterns(all));
        yield { path: `rules[${number}].clients[${at}]`, found: pattern, allowed };
      }
      for (const location of matched) {
        const server = servedBy.get(location) ?? number;
        servedBy.set(location, server);
        if (server === number) useful = true;
        else before.add(server);
      }
    }
    if (!useful && before.size > 0) {
      const others = [...before].map((other) => `rules[${other}]`).join(", ");
      yield {
        path: `rules[${number}]`,
        found: rule.clients,
        allowed: `clients that no earlier rule serves (these are all served by ${others})`,
      };
    }
  }
}

const USEFUL_PATTERN = "a pattern that a location matches: one of `locations`, or of those that " +
  "`archeio ranges --locations` prints";

function listPatterns(locations: Iterable<string | undefined>): Set<string> {
  const patterns = new Set<string>();
  for (const location of locations) {
    if (location !== undefined) patterns.add(location).add(location.replace(/\/.*/, "/*"));
  }
  return patterns;
}

// If the data set is fetched, regions come and go at run time. A rule for a region that is
// gone must not prevent the next start.
function createForesight(
  { ranges }: Sketch,
  embedded: readonly string[],
): (pattern: string) => boolean {
  if (ranges?.refresh_h === undefined) return () => false;
  const clouds = new Set(embedded.map((location) => location.split("/")[0]));
  return (pattern) => clouds.has(pattern.split("/")[0]);
}
