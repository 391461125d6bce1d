/**
 * The mistakes in a configuration that take more than one value to see.
 *
 * @module
 */

import * as v from "valibot";
import { formatPrefix, parsePrefix } from "../net/prefix.ts";
import { matchesLocation } from "../routing/policy.ts";
import { tryMainUpstream } from "./environment.ts";

/** A mistake: where it is, what is there, and what may be. */
export interface Mistake {
  /** The path of the value: `rules[2].mirrors[0]`. */
  readonly path: string;
  readonly found: unknown;
  /** What is allowed there, to stand behind "allowed: ". */
  readonly allowed: string;
}

// What of a configuration these mistakes can be in. Whatever has not its form, which
// the schema has found already, is passed over, so that no mistake hides another.
const text = v.fallback(v.optional(v.string()), undefined);
const texts = v.fallback(v.array(text), []);

const Sketch = v.object({
  listen: v.fallback(v.object({ tls: v.optional(v.unknown()) }), {}),
  pages: v.fallback(v.record(v.string(), text), {}),
  upstreams: v.fallback(
    v.record(v.string(), v.fallback(v.object({ endpoint: text }), { endpoint: undefined })),
    {},
  ),
  signature_upstream: text,
  mirrors: v.fallback(
    v.record(v.string(), v.fallback(v.object({ url: text }), { url: undefined })),
    {},
  ),
  locations: v.fallback(v.record(v.string(), texts), {}),
  rules: v.fallback(
    v.array(
      v.fallback(v.object({ clients: texts, mirrors: texts, upstream: text }), {
        clients: [],
        mirrors: [],
        upstream: undefined,
      }),
    ),
    [],
  ),
});

type Sketch = v.InferOutput<typeof Sketch>;

/**
 * Finds every such mistake.
 *
 * @param value a configuration that may have other mistakes
 * @param embedded the locations of the data set
 */
export function findMistakes(value: unknown, embedded: readonly string[]): Mistake[] {
  const { success, output: config } = v.safeParse(Sketch, value);
  return success
    ? [
      ...findUnknownNames(config),
      ...findWrongPrefixes(config),
      ...findUselessRules(config, embedded),
      ...findDowngrades(config),
    ]
    : [];
}

function* findUnknownNames(config: Sketch): Generator<Mistake> {
  const { upstreams, mirrors, rules, signature_upstream: signatures } = config;
  if (tryMainUpstream(upstreams) === undefined && Object.keys(upstreams).length > 0) {
    yield {
      path: "upstreams",
      found: Object.keys(upstreams),
      allowed: "when there is more than one, one named main, for whatever no rule is for",
    };
  }
  if (signatures !== undefined && !Object.hasOwn(upstreams, signatures)) {
    yield { path: "signature_upstream", found: signatures, allowed: oneOf("upstream", upstreams) };
  }
  for (const [number, rule] of rules.entries()) {
    for (const [at, name] of rule.mirrors.entries()) {
      if (name === undefined || Object.hasOwn(mirrors, name)) continue;
      const path = `rules[${number}].mirrors[${at}]`;
      yield { path, found: name, allowed: oneOf("mirror", mirrors) };
    }
    if (rule.upstream !== undefined && !Object.hasOwn(upstreams, rule.upstream)) {
      const path = `rules[${number}].upstream`;
      yield { path, found: rule.upstream, allowed: oneOf("upstream", upstreams) };
    }
  }
}

function oneOf(what: string, mapping: object): string {
  const names = Object.keys(mapping);
  return names.length === 0
    ? `nothing, for no ${what} is configured`
    : `the name of a configured ${what}: ${names.join(", ")}`;
}

function* findWrongPrefixes({ locations }: Sketch): Generator<Mistake> {
  const seen = new Map<string, string>();
  for (const [location, prefixes] of Object.entries(locations)) {
    for (const [at, text] of prefixes.entries()) {
      if (text === undefined) continue;
      const path = `locations.${location}[${at}]`;
      try {
        const prefix = formatPrefix(parsePrefix(text));
        const first = seen.get(prefix);
        if (first !== undefined) {
          yield { path, found: text, allowed: `each prefix once; this one is at ${first}, too` };
        }
        seen.set(prefix, path);
      } catch (error) {
        if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
        const reason = error.message.slice(error.message.indexOf(": ") + 2);
        yield { path, found: text, allowed: `a prefix (${reason})` };
      }
    }
  }
}

// A rule is useless when no client is left for it by the rules before, a pattern
// when there is no location that it could match.
function* findUselessRules(config: Sketch, embedded: readonly string[]): Generator<Mistake> {
  // `undefined` stands for the clients without a location.
  const left = new Set<string | undefined>([
    ...embedded,
    ...Object.keys(config.locations),
    undefined,
  ]);
  const all = [...left];
  for (const [number, rule] of config.rules.entries()) {
    const clients = rule.clients.filter((pattern) => pattern !== undefined);
    let unknown = 0;
    for (const [at, pattern] of rule.clients.entries()) {
      if (pattern === undefined) continue;
      if (all.some((location) => matchesLocation(pattern, location))) continue;
      unknown++;
      yield {
        path: `rules[${number}].clients[${at}]`,
        found: pattern,
        allowed: "a location that there is: one that `archeio ranges` lists, or one of `locations`",
      };
    }
    const served = [...left].filter((location) =>
      clients.some((pattern) => matchesLocation(pattern, location))
    );
    for (const location of served) left.delete(location);
    if (served.length === 0 && unknown < clients.length) {
      yield {
        path: `rules[${number}]`,
        found: clients,
        allowed: "a rule that can match; the rules before it serve all of its clients",
      };
    }
  }
}

function* findDowngrades(config: Sketch): Generator<Mistake> {
  if (config.listen.tls === undefined) return;
  const urls: [path: string, url: string | undefined][] = [
    ["pages.info", config.pages.info],
    ["pages.privacy", config.pages.privacy],
  ];
  for (const [name, { endpoint }] of Object.entries(config.upstreams)) {
    urls.push([`upstreams.${name}.endpoint`, endpoint]);
  }
  for (const [name, { url }] of Object.entries(config.mirrors)) {
    urls.push([`mirrors.${name}.url`, url]);
  }
  for (const [path, url] of urls) {
    if (url?.startsWith("http:")) {
      yield { path, found: url, allowed: "an https: URL, for listen.tls is set" };
    }
  }
}
