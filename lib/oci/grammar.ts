/**
 * The grammar of repository names, tags and digests.
 *
 * Names and tags: the OCI distribution specification, "Pulling manifests"
 * (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
 * Digests: the OCI image specification, "Digests"
 * (https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests).
 *
 * Names and digests are on every request's path, so they are read where they stand,
 * without being cut out, by loops over their characters. Tests hold the loops against
 * the specifications' expressions.
 *
 * @module
 */

const DASH = 45;
const DOT = 46;
const SLASH = 47;
const UNDERSCORE = 95;

// What a name's character is allowed to follow.
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

/** Whether `text` is a tag, such as `v1.30.0`. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

const ALGORITHM_LENGTH = "sha256:".length;

/**
 * Whether a part of `text` is a digest of a registered algorithm, `sha256` or
 * `sha512`, which is 64 or 128 lower-case hexadecimal digits. Such a digest has one
 * length, so whatever remembers digests stays bounded in bytes when it is bounded in
 * entries.
 */
export function isRegisteredDigest(text: string, start = 0, end = text.length): boolean {
  const hexStart = start + ALGORITHM_LENGTH;
  const hexLength = end - hexStart;
  if (hexLength === 64) return text.startsWith("sha256:", start) && isHex(text, hexStart, end);
  return hexLength === 128 && text.startsWith("sha512:", start) && isHex(text, hexStart, end);
}

// 1 for the code of each hexadecimal digit: a read costs less than four comparisons.
const HEX = new Uint8Array(256);
for (const digit of "0123456789abcdef") HEX[digit.charCodeAt(0)] = 1;

function isHex(text: string, start: number, end: number): boolean {
  // No early end: a branch for each character costs more than the few wrong digests do.
  let all = 1;
  for (let at = start; at < end; at++) all &= HEX[text.charCodeAt(at)]!;
  return all === 1;
}

const OTHER_DIGEST = /^(?!sha(?:256|512):)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/**
 * Whether `text` is a digest of an algorithm that is not registered. The
 * specification only fixes the alphabet of such, and tells implementations to let
 * them pass.
 */
export function isOtherDigest(text: string): boolean {
  return OTHER_DIGEST.test(text);
}

const SIGNATURE_TAG = /^sha256-[a-f0-9]{64}(?:\.(?:sig|att|sbom))?$/;

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
