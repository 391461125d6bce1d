/**
 * Image names, as people write them: `registry.example/app:1.0`, `app@sha256:…`.
 *
 * @module
 */

const DEFAULT_TAG = "latest";

// What cannot be the first component of a name, or is unlikely to be.
const HOST = /^(?:localhost$|\[|(?=[A-Za-z0-9]).*[.:A-Z])/;

/**
 * The path that is asked for first when an image is pulled: its manifest's. A host before the
 * name is dropped, told from the name as Docker does
 * (https://github.com/distribution/reference/blob/v0.6.0/normalize.go), and a digest counts
 * before a tag. A name that is none gives a path that is invalid in the same way.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(imagePath("registry.example:5000/acme/app:1.0"), "/v2/acme/app/manifests/1.0");
 * assertEquals(imagePath("app"), "/v2/app/manifests/latest");
 * ```
 */
export function imagePath(image: string): string {
  const [tagged = "", digest] = splitAt(image, image.indexOf("@"));
  const colon = tagged.lastIndexOf(":");
  const [named = "", tag] = splitAt(tagged, colon > tagged.lastIndexOf("/") ? colon : -1);
  const path = `/v2/${withoutHost(named)}/manifests/${digest ?? tag ?? DEFAULT_TAG}`;
  // What would be no part of the path.
  return path.replaceAll(/[%?#]/g, encodeURIComponent);
}

function splitAt(text: string, at: number): [string, string?] {
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function withoutHost(named: string): string {
  const [host, name] = splitAt(named, named.indexOf("/"));
  return name !== undefined && HOST.test(host) ? name : named;
}
