/**
 * Reads sha256 digests as integers: as which they are compared and hashed at little cost.
 *
 * @module
 */

const WORDS = 8;
const DIGITS = 8;
const PREFIX = "sha256:";
const LENGTH = PREFIX.length + WORDS * DIGITS;
const NO_DIGIT = 16;

// The value of a hexadecimal digit, by its character code.
const VALUES = new Uint8Array(128).fill(NO_DIGIT);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  VALUES[digit.charCodeAt(0)] = value;
}

/** Reads sha256 digests as integers. */
export interface DigestReader {
  /** The integers of the digest that was read last, eight of 32 bits. */
  readonly words: Int32Array;
  /**
   * Reads a digest. Reading the same digest again costs one string comparison.
   *
   * @param text a text that has the digest from `start` on. Where the digest is a substring,
   * that is read faster than the substring.
   * @returns whether it is a sha256 digest in lower-case hexadecimal; if it is not, the content
   * of `words` is undefined
   */
  read(digest: string, text?: string, start?: number): boolean;
}

/** Makes a reader. */
export function createDigestReader(): DigestReader {
  const words = new Int32Array(WORDS);
  let last = "";
  return {
    words,
    read(digest, text = digest, start = 0) {
      if (digest === last) return digest !== "";
      if (digest.length !== LENGTH || !text.startsWith(PREFIX, start)) return false;
      last = "";
      let all = 0;
      let at = start + PREFIX.length;
      for (let word = 0; word < WORDS; word++) {
        let bits = 0;
        for (const end = at + DIGITS; at < end; at++) {
          const value = VALUES[text.charCodeAt(at)] ?? NO_DIGIT;
          all |= value;
          bits = bits << 4 | value;
        }
        words[word] = bits;
      }
      if (all >= NO_DIGIT) return false;
      last = digest;
      return true;
    },
  };
}

/**
 * The reader of requests. What a request is checked by is what it is looked up by, so a digest
 * is read once.
 */
export const requestDigests: DigestReader = createDigestReader();
