/**
 * Rules that can never match, and patterns that no location matches.
 *
 * @module
 */

import { createLocationMatcher, isPatternWithin } from "../routing/location_pattern.ts";
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
  const all = [...new Set([...embedded, ...Object.keys(config.locations), undefined])];
  const mayMatch = createForesight(config, embedded);
  const servedBy = new Map<string | undefined, number>();
  const seen: string[] = [];
  for (const [number, rule] of config.rules.entries()) {
    let useful = false;
    const before = new Set<number>();
    for (const [at, pattern] of rule.clients.entries()) {
      if (pattern === undefined) continue;
      const matched = all.filter(createLocationMatcher(pattern));
      if (mayMatch(pattern, seen)) useful = true;
      else if (matched.length === 0 && !mayMatch(pattern)) {
        const allowed = USEFUL_PATTERN + didYouMean(pattern, listPatterns(all));
        yield { path: `rules[${number}].clients[${at}]`, found: pattern, allowed };
      }
      for (const location of matched) {
        const server = servedBy.get(location) ?? number;
        servedBy.set(location, server);
        if (server === number) useful = true;
        else before.add(server);
      }
      seen.push(pattern);
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

// The locations, and each beginning of one up to a slash or a dash.
function listPatterns(locations: Iterable<string | undefined>): Set<string> {
  const patterns = new Set<string>();
  for (const location of locations) {
    if (location === undefined) continue;
    patterns.add(location);
    for (const { index } of location.matchAll(/[/-]/g)) {
      patterns.add(`${location.slice(0, index + 1)}*`);
    }
  }
  return patterns;
}

/**
 * Makes a function that says whether locations may come that match a pattern, and none of the
 * earlier patterns. If the data set is fetched, regions come and go at run time. A rule for a
 * region that is gone must not prevent the next start.
 */
function createForesight(
  { ranges }: Sketch,
  embedded: readonly string[],
): (pattern: string, earlier?: readonly string[]) => boolean {
  if (ranges?.refresh_h === undefined) return () => false;
  const clouds = [...new Set(embedded.map((location) => location.split("/")[0]!))];
  return (pattern, earlier = []) => {
    const [cloud = ""] = pattern.split("/");
    return clouds.some(createLocationMatcher(cloud)) &&
      !earlier.some((other) => isPatternWithin(pattern, other));
  };
}
