/**
 * Mistakes in the names of mirrors and upstreams: names that are not configured, and
 * configured ones that nothing uses.
 *
 * @module
 */

import { tryMainUpstream } from "./environment.ts";
import { formatPath, type Mapping } from "./mapping.ts";
import type { Mistake } from "./mistakes.ts";
import { didYouMean, tryNearest } from "./nearest.ts";
import type { Sketch } from "./sketch.ts";

/** Finds names of mirrors and upstreams that are not configured. */
export function* findUnknownNames(config: Sketch): Generator<Mistake> {
  const { upstreams, mirrors, rules, repositories, signature_upstream: signatures } = config;
  const all = upstreams ?? {};
  const names = Object.keys(all);
  if (names.length > 1 && tryMainUpstream(all, signatures) === undefined && !isElsewhere(config)) {
    yield {
      path: "upstreams",
      found: names,
      allowed: "one of them named main, which serves what no rule gives to another",
    };
  }
  for (const [pattern, { upstream }] of Object.entries(repositories ?? {})) {
    const path = formatPath(["repositories", pattern, "upstream"]);
    yield* findUnknownName(path, upstream, "upstream", upstreams);
  }
  yield* findUnknownName("signature_upstream", signatures, "upstream", upstreams);
  for (const [number, rule] of rules.entries()) {
    for (const [at, name] of rule.mirrors.entries()) {
      yield* findUnknownName(`rules[${number}].mirrors[${at}]`, name, "mirror", mirrors);
    }
    yield* findUnknownName(`rules[${number}].upstream`, rule.upstream, "upstream", upstreams);
  }
}

// Whether every repository names its upstream, so that none need be the main one.
function isElsewhere({ repositories = {} }: Sketch): boolean {
  const all = Object.values(repositories);
  return all.length > 0 && all.every(({ upstream }) => upstream !== undefined);
}

function* findUnknownName(
  path: string,
  found: string | undefined,
  what: string,
  named: Mapping | undefined,
): Generator<Mistake> {
  if (found === undefined || named === undefined || Object.hasOwn(named, found)) return;
  const names = Object.keys(named);
  const allowed = names.length === 0
    ? `none: no ${what} is configured`
    : `the name of a configured ${what}: ${names.join(", ")}${didYouMean(found, names)}`;
  yield { path, found, allowed };
}

/** Finds mirrors and upstreams that nothing uses. */
export function findUnused(config: Sketch): Mistake[] {
  const unused = [...listUnused(config)];
  return unused.length > 0 && config.hasGoodUses() ? unused : [];
}

function* listUnused(config: Sketch): Generator<Mistake> {
  const { upstreams = {}, mirrors = {}, rules, signature_upstream: signatures } = config;
  const repositories = Object.values(config.repositories ?? {});
  const urls = Object.entries(mirrors).filter(([_, { url }]) => url !== undefined);
  yield* findUnusedOf("mirrors", new Map(urls), {
    used: rules.flatMap(({ mirrors }) => mirrors),
    allowed: "mirrors that rules name; no rule names this one",
  });
  const main = tryMainUpstream(upstreams, signatures);
  // Without a main upstream, which is reported already, any of them may be used.
  if (main === undefined && !isElsewhere(config)) return;
  const endpoints = Object.entries(upstreams).filter(([_, { endpoint }]) => endpoint !== undefined);
  yield* findUnusedOf("upstreams", new Map(endpoints), {
    used: [main, signatures, ...[...rules, ...repositories].map(({ upstream }) => upstream)],
    allowed: "the main upstream, signature_upstream, and those that rules or repositories name; " +
      "this one is none",
  });
}

/** The names in use, and what is allowed. */
interface Uses {
  readonly used: readonly (string | undefined)[];
  readonly allowed: string;
}

function* findUnusedOf(
  key: "mirrors" | "upstreams",
  all: ReadonlyMap<string, unknown>,
  { used, allowed }: Uses,
): Generator<Mistake> {
  const known = new Set(used);
  // A misspelt name is reported once, not also as an unused one.
  for (const name of known) {
    if (name !== undefined && !all.has(name)) known.add(tryNearest(name, all.keys()));
  }
  for (const [name, found] of all) {
    if (!known.has(name)) yield { path: formatPath([key, name]), found, allowed };
  }
}

/** Finds mirrors that a rule lists twice. */
export function* findMirrorsTwice({ rules }: Sketch): Generator<Mistake> {
  for (const [number, { mirrors }] of rules.entries()) {
    for (const [at, name] of mirrors.entries()) {
      const first = mirrors.indexOf(name);
      if (name === undefined || first === at) continue;
      yield {
        path: `rules[${number}].mirrors[${at}]`,
        found: name,
        allowed: `each mirror once; this one is at rules[${number}].mirrors[${first}] already`,
      };
    }
  }
}
