/**
 * The patterns of a rule's `clients`: `*` for every client, or a location in which each `*`
 * stands for any text.
 *
 * @module
 */

/** Whether a location, `undefined` for clients without one, matches. */
export type LocationMatcher = (location: string | undefined) => boolean;

/**
 * Makes the matcher of a pattern. A location and a pattern other than `*` have one slash each,
 * so no `*` stands for a slash.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const isEuropean = createLocationMatcher("aws/eu-*");
 *
 * assertEquals(isEuropean("aws/eu-west-3"), true);
 * assertEquals(isEuropean("aws/us-east-1"), false);
 * assertEquals(createLocationMatcher("*")(undefined), true);
 * ```
 */
export function createLocationMatcher(pattern: string): LocationMatcher {
  if (pattern === "*") return () => true;
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return (location) => location === pattern;
  const least = first.length + last.length;
  return (location) => {
    if (location === undefined || location.length < least) return false;
    if (!location.startsWith(first) || !location.endsWith(last)) return false;
    const end = location.length - last.length;
    let at = first.length;
    // The leftmost place of each part leaves the most room for the others.
    for (const part of others) {
      const found = location.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

/** Whether every location that one pattern matches, known or not, is matched by another. */
export function isPatternWithin(pattern: string, other: string): boolean {
  // A `*` is no letter of a location, so only a `*` of the other pattern matches it.
  return createLocationMatcher(other)(pattern);
}
