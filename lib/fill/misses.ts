/**
 * Lists of blobs by name and digest: what mirrors lacked when clients asked. The server's
 * `/misses` gives one, and `archeio fill --from` takes it.
 *
 * @module
 */

import { isName, isRegisteredDigest } from "../oci/grammar.ts";

/** A blob that a mirror lacked. */
export interface Miss {
  /** The repository's name, as the client knows it. */
  readonly name: string;
  /** The digest. */
  readonly digest: string;
}

// More than a server gives, and than a person writes.
const MOST_MISSES = 1_000_000;

/**
 * Reads a list of misses: the JSON of `/misses`, or lines of a name and a digest, with a space
 * between them, or an `@`. Empty lines and those that begin with `#` are passed over.
 *
 * @throws {SyntaxError} for a line that is none
 */
export function parseMisses(text: string): Miss[] {
  const trimmed = text.trim();
  const listed = trimmed.startsWith("{") ? readJson(trimmed) : readLines(trimmed);
  if (listed.length > MOST_MISSES) throw new RangeError(`there are more than ${MOST_MISSES} lines`);
  const seen = new Map(listed.map((miss) => [`${miss.name}@${miss.digest}`, miss]));
  return [...seen.values()];
}

function readJson(text: string): Miss[] {
  const { misses } = JSON.parse(text) as { misses?: unknown };
  if (!Array.isArray(misses)) throw new SyntaxError(`there is no list "misses" in it`);
  return misses.map((miss, at) => check(miss?.name, miss?.digest, `misses[${at}]`));
}

function readLines(text: string): Miss[] {
  return text.split("\n").flatMap((line, at) => {
    if (/^\s*(?:#|$)/.test(line)) return [];
    const [name, digest, ...more] = line.trim().split(/[@\s]+/);
    return [check(name, more.length === 0 ? digest : undefined, `line ${at + 1}`)];
  });
}

function check(name: unknown, digest: unknown, where: string): Miss {
  if (
    typeof name === "string" && isName(name) && typeof digest === "string" &&
    isRegisteredDigest(digest)
  ) {
    return { name, digest };
  }
  throw new SyntaxError(`${where} is no repository name and digest`);
}
