/**
 * Parses challenges, with which a server says how it wants to be asked: the value of
 * `WWW-Authenticate` (RFC 9110, section 11).
 *
 * @module
 */

/** A challenge: `Bearer realm="https://auth.example/token",service="registry.example"`. */
export interface Challenge {
  /** The scheme in lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** The parameters, by their name in lower case. The first of those with one name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

// The challenges of registries have a few hundred characters.
const LONGEST = 16 * 1024;

// RFC 9110, section 5.6.2.
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
// RFC 9110, section 5.6.4.
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
// What some schemes have in place of parameters (RFC 9110, section 11.2).
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const SPACES = /[ \t]+/y;
const COMMAS = /[ \t]*(?:,[ \t]*)+/y;
const END = /[ \t]*$/y;

/**
 * Parses the challenges in a header's value; several headers of the same name are joined by
 * commas.
 *
 * @returns the challenges in their order, none for a value that does not parse or has more than
 * 16,384 characters
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const [first, second] = parseChallenges('Basic realm="a, b", Bearer realm="https://auth.example"');
 * assertEquals([first?.scheme, first?.parameters.get("realm")], ["basic", "a, b"]);
 * assertEquals([second?.scheme, second?.parameters.get("realm")], ["bearer", "https://auth.example"]);
 * ```
 */
export function parseChallenges(value: string): Challenge[] {
  if (value.length > LONGEST) return [];
  const cursor = createCursor(value);
  const challenges: Challenge[] = [];
  cursor.take(COMMAS);
  cursor.take(SPACES);
  while (cursor.take(END) === undefined) {
    const scheme = cursor.take(TOKEN);
    if (scheme === undefined) return [];
    const parameters = parseParameters(cursor);
    if (parameters === undefined) return [];
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (cursor.take(COMMAS) === undefined && cursor.take(END) === undefined) return [];
  }
  return challenges;
}

type Cursor = ReturnType<typeof createCursor>;

function createCursor(text: string) {
  let at = 0;
  return {
    /** Takes what matches here: its group, or all of it. */
    take(pattern: RegExp): string | undefined {
      pattern.lastIndex = at;
      const match = pattern.exec(text);
      if (match === null) return undefined;
      at = pattern.lastIndex;
      return match[1] ?? match[0];
    },
    here: () => at,
    goTo(place: number): void {
      at = place;
    },
  };
}

function parseParameters(cursor: Cursor): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  if (cursor.take(SPACES) === undefined || cursor.take(TOKEN68) !== undefined) return parameters;
  for (;;) {
    const start = cursor.here();
    const name = cursor.take(TOKEN);
    if (name === undefined || cursor.take(EQUALS) === undefined) {
      // The next challenge, after the comma that stands before it, or the end.
      cursor.goTo(start);
      return parameters;
    }
    const quoted = cursor.take(QUOTED);
    const value = quoted?.replace(/\\(.)/gs, "$1") ?? cursor.take(TOKEN);
    if (value === undefined) return undefined;
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, value);
    const end = cursor.here();
    if (cursor.take(COMMAS) === undefined) return parameters;
    if (!isParameterNext(cursor)) {
      cursor.goTo(end);
      return parameters;
    }
  }
}

function isParameterNext(cursor: Cursor): boolean {
  const start = cursor.here();
  const found = cursor.take(TOKEN) !== undefined && cursor.take(EQUALS) !== undefined;
  cursor.goTo(start);
  return found;
}
