/**
 * The mistakes in a configuration that take more than one value to see.
 *
 * @module
 */

import * as v from "valibot";
import { tryMainUpstream } from "./environment.ts";
import { formatPrefix, parsePrefix } from "../net/prefix.ts";
import { matchesLocation } from "../routing/policy.ts";
import { formatPath, isMapping, type Mapping } from "./mapping.ts";
import { COMPARED } from "./schema.ts";

/** A mistake: where it is, what is there, and what may be. */
export interface Mistake {
  /** The path of the value: `rules[2].mirrors[0]`. */
  readonly path: string;
  /** The value, or `undefined` when there is none. */
  readonly found: unknown;
  /** What is allowed there, to stand behind "allowed: ". */
  readonly allowed: string;
}

// What of a configuration these mistakes can be in. Whatever has not its form, which
// the schema has found already, is passed over, so that no mistake hides another.
const text = v.fallback(v.optional(v.string()), undefined);
const texts = v.fallback(v.array(text), []);

function mappingOf<const Value extends v.GenericSchema>(value: Value) {
  const mapping = v.pipe(v.custom<Mapping>(isMapping), v.record(v.string(), value));
  return v.optional(v.fallback(v.optional(mapping), undefined), {});
}

// No comparison with these holds.
const NOWHERE = { host: "", port: NaN };
const NEVER = { interval_ms: NaN, max_interval_ms: NaN };

function placeOf({ host, port }: typeof COMPARED.listen) {
  return { host: v.fallback(host, NOWHERE.host), port: v.fallback(port, NOWHERE.port) };
}

const Listen = v.object({
  ...placeOf(COMPARED.listen),
  tls: v.fallback(v.optional(v.object({})), undefined),
});

const Health = v.object({
  interval_ms: v.fallback(COMPARED.health.interval_ms, NEVER.interval_ms),
  max_interval_ms: v.fallback(COMPARED.health.max_interval_ms, NEVER.max_interval_ms),
});

const Sketch = v.object({
  listen: v.fallback(v.optional(Listen, {}), NOWHERE),
  admin: v.fallback(v.optional(v.object(placeOf(COMPARED.admin))), undefined),
  health: v.fallback(v.optional(Health, {}), NEVER),
  pages: mappingOf(text),
  upstreams: mappingOf(v.fallback(v.object({ endpoint: text }), { endpoint: undefined })),
  signature_upstream: text,
  mirrors: mappingOf(v.fallback(v.object({ url: text }), { url: undefined })),
  locations: mappingOf(texts),
  ranges: v.fallback(v.optional(v.object({ refresh_h: v.optional(v.unknown()) })), undefined),
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
      ...findSharedPort(config),
      ...findUnknownNames(config),
      ...findMirrorsTwice(config),
      ...findWrongPrefixes(config),
      ...findUselessRules(config, embedded),
      ...findDowngrades(config),
      ...findShortInterval(config),
    ]
    : [];
}

function* findSharedPort({ listen, admin }: Sketch): Generator<Mistake> {
  if (admin === undefined || admin.port !== listen.port || admin.port === 0) return;
  if (!takesIn(listen.host, admin.host) && !takesIn(admin.host, listen.host)) return;
  yield {
    path: "admin.port",
    found: admin.port,
    allowed: `another port than that of listen, ${listen.port} on ${listen.host}`,
  };
}

// Whether who listens on a host has a port on another one, too.
function takesIn(host: string, other: string): boolean {
  return host === other || host === "::" || (host === "0.0.0.0" && /^[\d.]+$/.test(other));
}

function* findUnknownNames(config: Sketch): Generator<Mistake> {
  const { upstreams, mirrors, rules, signature_upstream: signatures } = config;
  const all = upstreams ?? {};
  const names = Object.keys(all);
  if (names.length > 1 && tryMainUpstream(all, signatures) === undefined) {
    yield {
      path: "upstreams",
      found: names,
      allowed: "one of them named main, which serves whatever no rule gives to another",
    };
  }
  yield* findUnknownName("signature_upstream", signatures, "upstream", upstreams);
  for (const [number, rule] of rules.entries()) {
    for (const [at, name] of rule.mirrors.entries()) {
      yield* findUnknownName(`rules[${number}].mirrors[${at}]`, name, "mirror", mirrors);
    }
    yield* findUnknownName(`rules[${number}].upstream`, rule.upstream, "upstream", upstreams);
  }
}

function* findUnknownName(
  path: string,
  found: string | undefined,
  what: string,
  named: Mapping | undefined,
): Generator<Mistake> {
  if (found === undefined || named === undefined || Object.hasOwn(named, found)) return;
  const names = Object.keys(named).join(", ");
  const allowed = names === ""
    ? `none, for no ${what} is configured`
    : `the name of a configured ${what}: ${names}`;
  yield { path, found, allowed };
}

function* findMirrorsTwice({ rules }: Sketch): Generator<Mistake> {
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

function* findWrongPrefixes({ locations = {} }: Sketch): Generator<Mistake> {
  const seen = new Map<string, string>();
  for (const [location, prefixes] of Object.entries(locations)) {
    for (const [at, text] of prefixes.entries()) {
      if (text === undefined) continue;
      const path = formatPath(["locations", location, at]);
      const { prefix, reason } = readPrefix(text);
      if (prefix === undefined) {
        yield { path, found: text, allowed: `a prefix (${reason})` };
      } else if (seen.has(prefix)) {
        const allowed = `each prefix once; this one is at ${seen.get(prefix)} already`;
        yield { path, found: text, allowed };
      } else {
        seen.set(prefix, path);
      }
    }
  }
}

function readPrefix(text: string): { prefix?: string; reason?: string } {
  try {
    return { prefix: formatPrefix(parsePrefix(text)) };
  } catch (error) {
    // `<what failed> "<text>": <why>`
    return { reason: String(error).split('": ').at(-1)! };
  }
}

// A rule is useless when no client is left for it by the rules before, a pattern
// when there is no location that it could match.
function* findUselessRules(config: Sketch, embedded: readonly string[]): Generator<Mistake> {
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
        yield {
          path: `rules[${number}].clients[${at}]`,
          found: pattern,
          allowed: "a pattern that a location matches: one of `locations`, or of those that " +
            "`archeio ranges --locations` prints",
        };
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

// Where the data set is fetched, regions of its clouds come and go while the program runs;
// a rule for one must not keep it from starting again.
function createForesight(
  { ranges }: Sketch,
  embedded: readonly string[],
): (pattern: string) => boolean {
  if (ranges?.refresh_h === undefined) return () => false;
  const clouds = new Set(embedded.map((location) => location.split("/")[0]));
  return (pattern) => clouds.has(pattern.split("/")[0]);
}

function* findDowngrades(config: Sketch): Generator<Mistake> {
  if (config.listen.tls === undefined) return;
  const { pages = {}, upstreams = {}, mirrors = {} } = config;
  const urls = [
    ...Object.entries(pages).map(([name, url]) => ({ path: formatPath(["pages", name]), url })),
    ...Object.entries(upstreams).map(([name, { endpoint }]) => ({
      path: formatPath(["upstreams", name, "endpoint"]),
      url: endpoint,
    })),
    ...Object.entries(mirrors).map(([name, { url }]) => ({
      path: formatPath(["mirrors", name, "url"]),
      url,
    })),
  ];
  for (const { path, url } of urls) {
    if (url?.startsWith("http:")) {
      yield {
        path,
        found: url,
        allowed: "an https: URL, for listen.tls is set: no client may be led from https: to http:",
      };
    }
  }
}

// The wait between checks grows while a mirror is down; it cannot begin past its end.
function* findShortInterval({ health }: Sketch): Generator<Mistake> {
  const { interval_ms: interval, max_interval_ms: longest } = health;
  if (longest < interval) {
    yield {
      path: "health.max_interval_ms",
      found: longest,
      allowed: `at least health.interval_ms, ${interval}`,
    };
  }
}
