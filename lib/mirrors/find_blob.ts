/**
 * Which mirror to send a client to.
 *
 * @module
 */

import type { Mirror } from "../routing/policy.ts";
import type { Judge, Presence, PresenceCheck } from "./presence.ts";

/** Finds a blob in mirrors. */
export interface BlobFinder {
  /**
   * The URL of the blob in the first of the mirrors that has it, `undefined` when
   * none has, or when too much is being asked to find out. A promise only when a
   * mirror has to be asked; it is never rejected.
   */
  (mirrors: readonly Mirror[], digest: string): string | undefined | Promise<string | undefined>;
}

/** Makes a finder that asks by `check`. */
export function createBlobFinder(check: PresenceCheck, judge: Judge): BlobFinder {
  function findFrom(
    first: number,
    mirrors: readonly Mirror[],
    digest: string,
  ): string | undefined | Promise<string | undefined> {
    for (let at = first; at < mirrors.length; at++) {
      const mirror = mirrors[at]!;
      const url = `${mirror.url}/${digest}`;
      // Shorter than the URL, for there are many of them.
      const presence = check(`${mirror.name} ${digest}`, url, judge);
      if (presence === "missing") continue;
      if (presence === "found") return url;
      if (presence === "unknown") return undefined;
      return presence.then((answer: Presence) =>
        answer === "found" ? url : findFrom(at + 1, mirrors, digest)
      );
    }
    return undefined;
  }
  return (mirrors, digest) => findFrom(0, mirrors, digest);
}
