/**
 * Running hashes, of the runtime.
 *
 * @module
 */

import type { CreateHash } from "../hash.ts";

/** Loads the hashes: a server, which needs none, does not. */
export async function loadHashes(): Promise<CreateHash> {
  const { createHash } = await import("node:crypto");
  return (algorithm) => {
    const hash = createHash(algorithm);
    return {
      update: (bytes) => void hash.update(bytes),
      hex: () => hash.digest("hex"),
    };
  };
}
