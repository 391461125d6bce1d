/**
 * Redirects that preserve the method, made once for what is asked for often.
 *
 * Most of the cost of a redirect is the validation of its `Location`, character by character.
 * So frequent redirects are kept and sent again, which is possible because they have no body.
 *
 * They are kept in a direct-mapped cache: a hash of the last characters of a key, the end of a
 * digest or tag, selects its only slot. Hashing all of it would cost as much as the cache saves.
 * A redirect enters its slot at the second of two successive requests that map to the slot, so
 * rare redirects do not evict frequent ones. The key of a redirect to a mirror is the blob's, so its
 * `Location` is put together only when it is not kept.
 *
 * @module
 */

import { blobKey, blobUrl, type PulledBlob } from "../mirrors/template.ts";
import { copyString } from "../oci/copy_string.ts";
import type { Mirror } from "../routing/policy.ts";
import { createRedirect } from "./responses.ts";

/** Redirects clients. */
export interface Redirects {
  /** Redirects to a URL. */
  toUrl(location: string, method: string): Response;
  /** Redirects to a blob at a mirror. */
  toBlob(mirror: Mirror, blob: PulledBlob, method: string): Response;
}

// A power of two, so that a mask selects a slot.
const MOST_KEPT = 2048;
// Longer than the URL of any legitimate request; that of a hostile one may have 60 KB.
const LONGEST_KEPT = 1024;

/** A redirect that is kept. */
interface Kept {
  /** The mirror that it leads to, if it leads to one. */
  readonly mirror: Mirror | undefined;
  /** The blob's key, or else the URL. */
  readonly key: string;
  readonly response: Response;
}

/**
 * Makes redirects.
 *
 * @param cacheControl the value of their `Cache-Control`, none by default
 */
export function createRedirects(cacheControl?: string): Redirects {
  const kept: (Kept | undefined)[] = Array(MOST_KEPT).fill(undefined);
  const candidates = new Int32Array(MOST_KEPT);

  function find(mark: number, key: string, mirror?: Mirror): Response | undefined {
    const held = kept[mark & MOST_KEPT - 1];
    return held !== undefined && held.mirror === mirror && held.key === key
      ? held.response
      : undefined;
  }

  function make(location: string, mark: number, key: string, mirror?: Mirror): Response {
    const response = createRedirect(location, { method: "GET", cacheControl });
    const slot = mark & MOST_KEPT - 1;
    if (candidates[slot] === mark && location.length <= LONGEST_KEPT) {
      kept[slot] = { mirror, key: copyString(key), response };
    }
    candidates[slot] = mark;
    return response;
  }

  return {
    toUrl(location, method) {
      if (method === "HEAD") return createRedirect(location, { method, cacheControl });
      const mark = markOf(location);
      return find(mark, location) ?? make(location, mark, location);
    },
    toBlob(mirror, blob, method) {
      if (method === "HEAD") {
        return createRedirect(blobUrl(mirror, blob), { method, cacheControl });
      }
      const key = blobKey(mirror, blob);
      const mark = markOf(key) ^ mirror.number;
      return find(mark, key, mirror) ?? make(blobUrl(mirror, blob), mark, key, mirror);
    },
  };
}

const MARK_DIGITS = 8;

// FNV-1a. Colliding redirects only evict each other, because the whole key is compared.
function markOf(key: string): number {
  let mark = 0x811c9dc5;
  for (let at = key.length - MARK_DIGITS; at < key.length; at++) {
    mark = Math.imul(mark ^ key.charCodeAt(at), 0x01000193);
  }
  return mark ^ mark >>> 15;
}
