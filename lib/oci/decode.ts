/**
 * Percent-decoding of paths (RFC 3986, section 2.1).
 *
 * @module
 */

// Far longer than any name with its reference, even when fully encoded.
const LONGEST_DECODED = 2048;

/**
 * Decodes a path. Some clients write a digest's colon as `%3A`. Segments are decoded once and
 * separately, so an encoded slash never creates a segment. A segment that does not decode
 * stays as it is, and no grammar allows it. So does a path that would take long to decode:
 * each segment that does not decode costs an exception.
 */
export function decodePath(path: string): string {
  return path.length > LONGEST_DECODED ? path : path.split("/").map(decodeSegment).join("/");
}

function decodeSegment(segment: string): string {
  try {
    const decoded = decodeURIComponent(segment);
    return decoded.includes("/") ? segment : decoded;
  } catch {
    return segment;
  }
}
