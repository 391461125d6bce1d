/**
 * The query of a request, as forwarded to an upstream: `n` and `last` of tag listings,
 * `artifactType` of referrers, and other parameters that a client sent.
 *
 * @module
 */

// RFC 3986, section 3.4: query = *( pchar / "/" / "?" ), without "%", which is
// handled separately.
// By code point, because half of a surrogate pair has no encoding.
const UNSAFE = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]/gu;
const STRAY_PERCENT = /%(?![0-9A-Fa-f]{2})/g;
const CONTROL = /%(?:[01][0-9A-Fa-f]|7[Ff])/;
// deno-lint-ignore no-control-regex -- it is meant to match control characters
const RAW_CONTROL = /[\u0000-\u001f\u007f]/;

const LONGEST = 4096;

/**
 * The part of a query that is forwarded to an upstream, with its question mark, or `""` if
 * there is none.
 *
 * - `ns`, in which containerd sends the registry that it believes it talks to
 *   (https://github.com/containerd/containerd/blob/main/docs/hosts.md), is
 *   dropped: the upstream is not that registry.
 * - A parameter that contains a control character is dropped: registries use none, and
 *   `%0d%0a` can confuse programs that log or split headers.
 * - Any other character that a query may not contain is percent-encoded.
 * - A query of more than 4096 characters is dropped: no legitimate one is that long, and
 *   parsing it would delay other requests.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(forwardQuery("ns=registry.k8s.io&n=50&last=v1"), "?n=50&last=v1");
 * assertEquals(forwardQuery("ns=registry.k8s.io"), "");
 * ```
 *
 * @param query the part after the question mark, as received
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
