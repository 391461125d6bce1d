/**
 * Mistakes in the prefixes of an operator's own locations.
 *
 * @module
 */

import { formatPrefix, parsePrefix } from "../net/prefix.ts";
import { formatPath } from "./mapping.ts";
import type { Mistake } from "./mistakes.ts";
import type { Sketch } from "./sketch.ts";

/** Finds invalid and duplicate prefixes. */
export function* findWrongPrefixes({ locations = {} }: Sketch): Generator<Mistake> {
  const seen = new Map<string, string>();
  for (const [location, prefixes] of Object.entries(locations)) {
    if (!("length" in prefixes)) continue;
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
