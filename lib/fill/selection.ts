/**
 * Which tags of a repository are filled.
 *
 * @module
 */

import { compare, satisfies, type SemVer, tryParse, tryParseRange } from "@std/semver";

/** A choice of tags. */
export type TagChoice =
  /** A pattern: `*` stands for any characters. */
  | string
  /** The tags with the highest versions. */
  | { readonly newest: number }
  /** The tags whose versions are in a range: `>=1.28 <2`. */
  | { readonly semver: string };

/**
 * Chooses the tags that any of the choices takes, in the order of the list.
 *
 * Versions are those of https://semver.org, with or without a `v`, and with one or two numbers
 * as well: `v1.28` counts as `1.28.0`. Tags that are none are neither among the newest nor in a
 * range, and pre-releases are only where there is no release.
 */
export function chooseTags(tags: readonly string[], choices: readonly TagChoice[]): string[] {
  const chosen = new Set<string>();
  for (const choice of choices) {
    for (const tag of choose(tags, choice)) chosen.add(tag);
  }
  return tags.filter((tag) => chosen.has(tag));
}

function choose(tags: readonly string[], choice: TagChoice): readonly string[] {
  if (typeof choice === "string") {
    const pattern = patternOf(choice);
    return tags.filter((tag) => pattern.test(tag));
  }
  if ("newest" in choice) return newest(tags, choice.newest);
  const range = tryParseRange(choice.semver) ?? [];
  return tags.filter((tag) => {
    const version = tryVersion(tag);
    return version !== undefined && satisfies(version, range);
  });
}

/** A pattern with `*` as a regular expression for all of a text. */
export function patternOf(pattern: string): RegExp {
  const parts = pattern.split(/\*+/).map((part) => part.replaceAll(/[.+?^$()|[\]\\{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

function newest(tags: readonly string[], count: number): string[] {
  const versions = tags.flatMap((tag) => {
    const version = tryVersion(tag);
    return version === undefined ? [] : [{ tag, version }];
  });
  const releases = versions.filter(({ version }) => (version.prerelease ?? []).length === 0);
  return (releases.length > 0 ? releases : versions)
    .toSorted((a, b) => compare(b.version, a.version))
    .slice(0, count)
    .map(({ tag }) => tag);
}

const PARTIAL = /^v?(\d+)(?:\.(\d+))?$/;

function tryVersion(tag: string): SemVer | undefined {
  const [partial, major, minor = "0"] = PARTIAL.exec(tag) ?? [];
  return tryParse(partial === undefined ? tag : `${major}.${minor}.0`);
}

/** Whether a text is a range of versions. */
export function isVersionRange(text: string): boolean {
  return tryParseRange(text) !== undefined;
}
