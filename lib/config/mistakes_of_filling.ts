/**
 * Mistakes in how mirrors are filled: stores that blobs cannot be written to, and repositories
 * that there are not.
 *
 * @module
 */

import * as v from "valibot";
import { defaultKey, isKeyTemplate } from "../fill/key.ts";
import { formatPath } from "./mapping.ts";
import type { Mistake } from "./mistakes.ts";
import { didYouMean } from "./nearest.ts";
import { blobsUrl } from "./schema_urls.ts";
import type { Sketch, SketchedMirror } from "./sketch.ts";

/** Finds stores of mirrors that cannot have one, keys that cannot be, and stores with two mirrors. */
export function* findWrongStores({ mirrors = {} }: Sketch): Generator<Mistake> {
  const seen = new Map<string, string>();
  for (const [name, mirror] of Object.entries(mirrors)) {
    const { url, store } = mirror;
    if (store === undefined || url === undefined || !v.is(blobsUrl, url)) continue;
    const path = formatPath(["mirrors", name, "store"]);
    if (url.includes("{name}")) {
      yield { path, found: store, allowed: "none, as url has {name}: a store has each blob once" };
      continue;
    }
    const key = store.key ?? defaultKey(url, store.s3);
    if (!isKeyTemplate(key)) {
      const allowed = "one with a key, as the path of url can be none";
      if (store.key === undefined) yield { path, found: store, allowed };
      continue;
    }
    const place = placeOf(mirror, key);
    const first = place === undefined ? undefined : seen.get(place);
    if (first !== undefined) {
      const allowed = `a store of its own, or none; ${first} is the same`;
      yield { path, found: store, allowed };
    } else if (place !== undefined) seen.set(place, path);
  }
}

function placeOf({ store: { s3, folder } = {} }: SketchedMirror, key: string): string | undefined {
  if (folder !== undefined) return `${folder.replace(/\/+$/, "")} ${key}`;
  return s3?.endpoint === undefined ? undefined : `${s3.endpoint} ${s3.bucket} ${key}`;
}

/** Finds repositories to fill that `repositories` does not have. */
export function* findUnknownRepositories({ fill, repositories }: Sketch): Generator<Mistake> {
  if (repositories === undefined) return;
  const patterns = Object.keys(repositories);
  for (const [at, found] of (fill?.repositories ?? []).entries()) {
    if (found === undefined || patterns.some((pattern) => haveCommon(pattern, found))) continue;
    const allowed = `names and patterns of repositories: ${patterns.join(", ")}` +
      didYouMean(found, patterns);
    yield { path: `fill.repositories[${at}]`, found, allowed };
  }
}

// Whether there are names that both match.
function haveCommon(one: string, other: string): boolean {
  const [a, b] = [one, other].map((pattern) => pattern.replace("*", "")) as [string, string];
  if (one.endsWith("*") && b.startsWith(a)) return true;
  if (other.endsWith("*") && a.startsWith(b)) return true;
  return one === other;
}
