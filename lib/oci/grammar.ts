/**
 * The grammar of repository names, tags and digests.
 *
 * Names and tags: the OCI distribution specification, "Pulling manifests"
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
 * Digests: the OCI image specification, "Digests"
 * (https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests).
 *
 * Names and digests are on every request's path, so they are matched in place by loops over
 * characters, without substrings. Tests compare the loops with the specifications'
 * regular expressions.
 *
 * @module
 */

const DASH = 45;
const DOT = 46;
const SLASH = 47;
const UNDERSCORE = 95;

// What precedes a character of a name, which decides whether the character is allowed.
const COMPONENT_START = 0;
const ALPHANUMERIC = 1;
const ONE_UNDERSCORE = 2;
const DASHES = 3;
const SEPARATOR_END = 4;

/** Whether a part of `text` is a repository name, such as `sig-storage/csi-attacher`. */
export function isName(text: string, start = 0, end = text.length): boolean {
  let state = COMPONENT_START;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (isLowerAlphanumeric(code)) {
      state = ALPHANUMERIC;
    } else if (state === ALPHANUMERIC) {
      if (code === DASH) state = DASHES;
      else if (code === SLASH) state = COMPONENT_START;
      else if (code === UNDERSCORE) state = ONE_UNDERSCORE;
      else if (code === DOT) state = SEPARATOR_END;
      else return false;
    } else if (state === ONE_UNDERSCORE && code === UNDERSCORE) {
      state = SEPARATOR_END;
    } else if (state !== DASHES || code !== DASH) {
      return false;
    }
  }
  return state === ALPHANUMERIC;
}

function isLowerAlphanumeric(code: number): boolean {
  return code >= 97 && code <= 122 || code >= 48 && code <= 57;
}

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

// Longer than a tag may be, but clients send it: see `isSignatureTag`.
const WHOLE_SHA512_TAG = /^sha512-[a-f0-9]{128}$/;

/**
 * Whether `text` is a tag, such as `v1.30.0`. The only accepted form of more than 128
 * characters is `sha512-<128 hex>`, the referrers tag of clients that do not truncate it.
 */
export function isTag(text: string): boolean {
  return TAG.test(text) || WHOLE_SHA512_TAG.test(text);
}

const ALGORITHM_LENGTH = "sha256:".length;

/**
 * Whether a part of `text` is a digest of a registered algorithm, `sha256` or `sha512`: 64 or
 * 128 lower-case hexadecimal digits. Such digests have a fixed length, so a cache of digests
 * that is bounded in entries is also bounded in bytes.
 */
export function isRegisteredDigest(text: string, start = 0, end = text.length): boolean {
  const hexStart = start + ALGORITHM_LENGTH;
  const hexLength = end - hexStart;
  if (hexLength === 64) return text.startsWith("sha256:", start) && isHex(text, hexStart, end);
  return hexLength === 128 && text.startsWith("sha512:", start) && isHex(text, hexStart, end);
}

// 1 for each hexadecimal digit's code: an array read is cheaper than four comparisons.
const HEX = new Uint8Array(256);
for (const digit of "0123456789abcdef") HEX[digit.charCodeAt(0)] = 1;

function isHex(text: string, start: number, end: number): boolean {
  // No early exit: a branch for each character costs more than the few wrong digests do.
  let all = 1;
  for (let at = start; at < end; at++) all &= HEX[text.charCodeAt(at)]!;
  return all === 1;
}

const OTHER_DIGEST = /^(?!sha(?:256|512):)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/**
 * Whether `text` is a digest of an unregistered algorithm. The specification defines only the
 * alphabet of such digests, and requires implementations to accept them.
 */
export function isOtherDigest(text: string): boolean {
  return OTHER_DIGEST.test(text);
}

const COSIGN_TAG = /^sha256-[a-f0-9]{64}\.(?:sig|att|sbom)$/;
const REFERRERS_TAG = /^(?:sha256-[a-f0-9]{64}|sha512-[a-f0-9]{64}(?:[a-f0-9]{64})?)$/;

/**
 * Whether a tag is used for signatures, attestations or bills of materials:
 *
 * - cosign's `sha256-<64 hex>.sig`, `.att` and `.sbom`
 *   (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md)
 * - the bare `sha256-<64 hex>` and `sha512-<64 hex>` of the distribution specification's
 *   referrers tag schema, which limits the hash to 64 characters
 *   (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema)
 * - `sha512-<128 hex>`, the same from clients that do not truncate the hash, such as oras
 */
export function isSignatureTag(tag: string): boolean {
  return REFERRERS_TAG.test(tag) || COSIGN_TAG.test(tag);
}
