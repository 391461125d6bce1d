/**
 * Reads the lists of a registry: repositories, tags, referrers. They are the registry's, so
 * what the grammar does not allow is left out.
 *
 * @module
 */

import { isName, isRegisteredDigest, isTag } from "../oci/grammar.ts";
import { failed, type Failure } from "./failure.ts";
import { type Descriptor, readManifest } from "./manifest.ts";

/** Reads a page of repositories. */
export function readCatalog(text: string): readonly string[] | Failure {
  const { repositories } = tryObject(text) ?? {};
  if (repositories === null) return [];
  return Array.isArray(repositories)
    ? repositories.filter((name): name is string => typeof name === "string" && isName(name))
    : failed("it answered with no list of repositories");
}

/**
 * Reads a page of tags.
 *
 * @param digests where to note the tags' digests, which Google's registries list along, so that
 * none of them has to be asked for
 * (https://github.com/google/go-containerregistry/blob/main/pkg/v1/google/list.go)
 */
export function readTags(text: string, digests: Map<string, string>): readonly string[] | Failure {
  const { tags, manifest } = tryObject(text) ?? {};
  // A repository without tags has null.
  if (tags === null) return [];
  if (!Array.isArray(tags)) return failed("it answered with no list of tags");
  for (const [digest, value] of Object.entries(isObject(manifest) ? manifest : {})) {
    const { tag } = isObject(value) ? value : {};
    if (!isRegisteredDigest(digest) || !Array.isArray(tag)) continue;
    for (const name of tag) digests.set(String(name), digest);
  }
  return tags.filter((tag): tag is string => typeof tag === "string" && isTag(tag));
}

/** Reads a page of referrers, which is an index. */
export function readReferrers(text: string): readonly Descriptor[] | Failure {
  const content = readManifest(new TextEncoder().encode(text));
  return typeof content === "string"
    ? failed("it answered with no list of referrers")
    : content.manifests;
}

const LONGEST_QUERY = 4096;

/**
 * The query of the next page, from a `Link` header. Host and path stay those that were asked.
 *
 * @returns `undefined` on the last page
 */
export function tryNextQuery(link: string | null): string | undefined {
  const [, target = ""] = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link ?? "") ?? [];
  const { search } = URL.parse(target, "http://registry/") ?? { search: "" };
  return search === "" || search.length > LONGEST_QUERY ? undefined : search;
}

function tryObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
