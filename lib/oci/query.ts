/**
 * The query of a request, as it goes along to an upstream: `n` and `last` of
 * tag listings, `artifactType` of referrers, and whatever else a client sent.
 *
 * @module
 */

// RFC 3986, section 3.4: query = *( pchar / "/" / "?" ), without "%", which is
// looked at on its own.
// By code point, for half of a surrogate pair has no encoding.
const UNSAFE = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]/gu;
const STRAY_PERCENT = /%(?![0-9A-Fa-f]{2})/g;
const CONTROL = /%(?:[01][0-9A-Fa-f]|7[Ff])/;
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const RAW_CONTROL = /[\u0000-\u001f\u007f]/;

const LONGEST = 4096;

/**
 * What of a query goes along to an upstream, with its question mark, or `""`
 * when nothing does.
 *
 * - `ns`, by which containerd names the registry it believes it talks to
 *   (https://github.com/containerd/containerd/blob/main/docs/hosts.md), is
 *   dropped: the upstream is not that registry.
 * - A parameter with a control character in it is dropped: none has a meaning
 *   for a registry, and `%0d%0a` has one for whatever logs or splits headers.
 * - Any other character that a query may not hold is percent-encoded.
 * - Nothing is kept of a query of more than 4096 characters, for reading it would keep
 *   others waiting, and none in earnest is so long.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(forwardQuery("ns=registry.k8s.io&n=50&last=v1"), "?n=50&last=v1");
 * assertEquals(forwardQuery("ns=registry.k8s.io"), "");
 * ```
 *
 * @param query what stands behind the question mark, as it was received
 */
export function forwardQuery(query: string): string {
  if (query === "" || query.length > LONGEST) return "";
  let kept = "";
  for (const parameter of query.split("&")) {
    if (parameter === "" || isNamespace(parameter)) continue;
    if (CONTROL.test(parameter) || RAW_CONTROL.test(parameter)) continue;
    kept += (kept === "" ? "?" : "&") + encodeUnsafe(parameter);
  }
  return kept;
}

function isNamespace(parameter: string): boolean {
  const equals = parameter.indexOf("=");
  const key = equals < 0 ? parameter : parameter.slice(0, equals);
  return key === "ns" || /^(?:n|%6e)(?:s|%73)$/i.test(key) && decodeURIComponent(key) === "ns";
}

function encodeUnsafe(parameter: string): string {
  return parameter.toWellFormed().replace(UNSAFE, encodeURIComponent).replace(STRAY_PERCENT, "%25");
}
