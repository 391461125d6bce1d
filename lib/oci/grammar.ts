/**
 * The grammar of repository names, tags and digests.
 *
 * Names and tags: the OCI distribution specification, "Pulling manifests"
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
 * Digests: the OCI image specification, "Digests"
 * (https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests).
 *
 * @module
 */

// Every repetition starts with a separator that the part before it cannot
// hold, so matching is linear in the length of hostile input.
const NAME = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const SHA256 = /^sha256:[a-f0-9]{64}$/;
const SHA512 = /^sha512:[a-f0-9]{128}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const SIGNATURE_TAG = /^sha256-[a-f0-9]{64}(?:\.(?:sig|att|sbom))?$/;

/** Whether `text` is a repository name, such as `sig-storage/csi-attacher`. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Whether `text` is a tag, such as `v1.30.0`. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Whether `text` is a digest of a registered algorithm, `sha256` or `sha512`.
 * Such a digest has one length, so whatever remembers digests stays bounded in
 * bytes when it is bounded in entries.
 */
export function isRegisteredDigest(text: string): boolean {
  return SHA256.test(text) || SHA512.test(text);
}

/**
 * Whether `text` is a digest. A registered algorithm must have its own form
 * (64 or 128 lower-case hexadecimal digits); of others the specification only
 * fixes the alphabet.
 */
export function isDigest(text: string): boolean {
  if (SHA256.test(text)) return true;
  if (text.startsWith("sha256:") || text.startsWith("sha512:")) return SHA512.test(text);
  return DIGEST.test(text);
}

/**
 * Whether a tag is one that signatures, attestations and bills of materials
 * are kept under: cosign's `sha256-<64 hex>.sig`, `.att` and `.sbom`
 * (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md), and
 * the bare `sha256-<64 hex>` of the distribution specification's referrers
 * tag schema.
 */
export function isSignatureTag(tag: string): boolean {
  return SIGNATURE_TAG.test(tag);
}
