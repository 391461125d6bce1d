/**
 * Digests: https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
 *
 * @module
 */

/** The digest of some bytes, such as `sha256:<64 hex>`. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${hash.reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "")}`;
}

/** The tag under which a manifest's signature or its referrers stand, without suffix. */
export function tagOf(digest: string): string {
  return digest.replace(":", "-");
}
