/**
 * Finds the mistakes in a configuration that involve more than one value.
 *
 * @module
 */

import * as v from "valibot";
import { parseMirrorUrl } from "../mirrors/template.ts";
import { formatPath } from "./mapping.ts";
import { findUnknownRepositories, findWrongStores } from "./mistakes_of_filling.ts";
import { findWrongPrefixes } from "./mistakes_of_locations.ts";
import { findMirrorsTwice, findUnknownNames, findUnused } from "./mistakes_of_names.ts";
import { findWrongStars } from "./mistakes_of_repositories.ts";
import { findUselessRules } from "./mistakes_of_rules.ts";
import {
  findPrivate,
  findUnreadableSecrets,
  findUselessSettings,
} from "./mistakes_of_upstreams.ts";
import type { PrefixFiles } from "./prefix_files.ts";
import { blobsUrl } from "./schema_urls.ts";
import { type Sketch, trySketch } from "./sketch.ts";

/** A mistake: where it is, what was found, and what is allowed. */
export interface Mistake {
  /** The path of the value: `rules[2].mirrors[0]`. */
  readonly path: string;
  /** The value, or `undefined` when there is none. */
  readonly found: unknown;
  /** What is allowed there, as text that follows "allowed: ". */
  readonly allowed: string;
}

/** What finding mistakes needs, beside the configuration. */
export interface FindOptions {
  /** The environment variable that each value came from, by the value's path. */
  readonly variables?: ReadonlyMap<string, string>;
  /**
   * Returns why a file cannot be read, or `undefined` if it can. Without this function, files
   * are not checked.
   */
  readonly whyUnreadable?: ((path: string) => string | undefined) | undefined;
  /** Reads the files of prefixes. */
  readonly prefixFiles?: PrefixFiles;
}

/**
 * Finds all such mistakes.
 *
 * @param value a configuration, which may have other mistakes
 * @param embedded the locations of the data set
 */
export function findMistakes(
  value: unknown,
  embedded: readonly string[],
  { variables = new Map(), whyUnreadable, prefixFiles }: FindOptions = {},
): Mistake[] {
  const config = trySketch(value);
  return config === undefined ? [] : [
    ...findSharedPort(config),
    ...findUnreadableFiles(config, whyUnreadable),
    ...findUnknownNames(config),
    ...findWrongStars(config),
    ...findUnused(config),
    ...findMirrorsTwice(config),
    ...findSameUrls(config, variables),
    ...findWrongPrefixes(config),
    ...prefixFiles?.findMistakes(config) ?? [],
    ...findUselessRules(config, embedded),
    ...findDowngrades(config),
    ...findShortInterval(config),
    ...findUselessSettings(config),
    ...findUnreadableSecrets(config, whyUnreadable),
    ...findPrivate(config),
    ...findWrongStores(config),
    ...findUnknownRepositories(config),
  ];
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

// Whether listening on `host` occupies the same port on `other`.
function takesIn(host: string, other: string): boolean {
  if (host === "" || other === "") return false;
  return host === other || host === "::" || (host === "0.0.0.0" && /^[\d.]+$/.test(other));
}

function* findUnreadableFiles(
  { listen, admin }: Sketch,
  whyUnreadable: FindOptions["whyUnreadable"],
): Generator<Mistake> {
  for (const [key, file] of Object.entries(listen.tls ?? {})) {
    const reason = file ? whyUnreadable?.(file) : undefined;
    if (reason === undefined) continue;
    const allowed = `the path of a PEM file that can be read (${reason})`;
    yield { path: `listen.tls.${key}`, found: file, allowed };
  }
  const token = admin?.token_file;
  const reason = token ? whyUnreadable?.(token) : undefined;
  if (reason !== undefined) {
    const allowed = `the path of a file with a token that can be read (${reason})`;
    yield { path: "admin.token_file", found: token, allowed };
  }
}

// A store with two names would be asked, counted and taken down twice. A URL from an
// environment variable is exempt, because the file's author cannot know it.
function* findSameUrls(
  { mirrors = {} }: Sketch,
  variables: ReadonlyMap<string, string>,
): Generator<Mistake> {
  const seen = new Map<string, string>();
  for (const [name, { url }] of Object.entries(mirrors)) {
    const path = formatPath(["mirrors", name, "url"]);
    if (!v.is(blobsUrl, url) || variables.has(path)) continue;
    const normal = parseMirrorUrl(url).url;
    const first = seen.get(normal);
    if (first === undefined) seen.set(normal, path);
    else yield { path, found: url, allowed: `a URL of its own; ${first} is the same` };
  }
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
        allowed: "an https: URL, as listen.tls is set: no redirect may lead from https: to http:",
      };
    }
  }
}

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
