/**
 * Requests that nobody means well with, the same for the same seed.
 *
 * They are what the server makes of bytes: the URL is put together from the `Host`
 * header and the request target and is not normalised. Half of them are valid requests
 * with something done to them, for nonsense is refused at once and finds little.
 *
 * @module
 */

/** A request, as the handler reads one. */
export interface HostileRequest {
  readonly method: string;
  readonly url: string;
  /** The headers by their lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly peer: Deno.Addr;
}

/** Numbers from 0 to 1, without 1, the same for the same seed: Mulberry32. */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 0x1_0000_0000;
  };
}

const HEX = "0123456789abcdef";
const NAMES = [
  "a",
  "kube-proxy",
  "sig-storage/csi-attacher",
  "a/b/c/d/e",
  "a.b_c__d---e/f",
  "blobs",
  "manifests/tags",
  "v2",
  "v2/a/blobs",
  "referrers/referrers",
  "0",
];
const BAD_NAMES = ["", "A", "-a", "a-", "a..b", "a___b", "..", ".", "a/", "/a", "_catalog", "a:b"];
const TAGS = ["latest", "v1.30.0", "_", "A-b.C_d", "1", "list", "blobs"];
const BAD_TAGS = ["", ".", "..", "-a", ".a", "a b", "a/b", "a+b", "a".repeat(129)];
const BAD_DIGESTS = [
  "sha256:",
  "sha256:abc",
  `sha256:${"A".repeat(64)}`,
  `sha256:${"a".repeat(65)}`,
  `sha512:${"a".repeat(64)}`,
  `SHA256:${"a".repeat(64)}`,
  ":abc",
  "sha256",
  `sha256:${"a".repeat(63)}/`,
  `sha256:../${"a".repeat(61)}`,
];
const OTHER_DIGESTS = ["blake3:abc", "md5:0", "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeT"];

// Pieces that have led other programs astray.
const PIECES = [
  "/",
  "//",
  "///",
  "\\",
  "\\\\",
  "..",
  "../",
  "/..",
  "/../",
  "/../../",
  "/./",
  "..;/",
  "%2e",
  "%2e%2e",
  "%2E%2E/",
  ".%2e/",
  "%252e%252e%252f",
  "%2f",
  "%2F",
  "%5c",
  "%00",
  "\0",
  "%0d%0a",
  "%0D%0ALocation:%20https:%2f%2fevil.example%2f",
  "\r\n",
  "\r\nSet-Cookie: a=b",
  "\n",
  "\t",
  " ",
  "%20",
  "%09",
  "%7f",
  "\x7f",
  "%",
  "%%",
  "%2",
  "%zz",
  "%u002e",
  "%c0%ae%c0%ae",
  "%e2%80%a8",
  "%ff",
  "\u00e9",
  "\u2028",
  "\u3002",
  "\uff0e\uff0e\uff0f",
  "\ud800",
  "\udfff",
  "\u{1f433}",
  "@",
  "@evil.example",
  "//evil.example",
  "//evil.example/",
  "https://evil.example/",
  "http:/evil.example",
  "javascript:alert(1)",
  "?",
  "#",
  "&",
  ";",
  ":",
  "=",
  "+",
  "*",
  "|",
  "^",
  "`",
  "<script>",
  '"',
  "'",
  "$(id)",
  "${x}",
  "{}",
  "[]",
  "/v2/",
  "/v2",
  "/blobs/",
  "/manifests/",
  "/referrers/",
  "/tags/list",
  "/tags/",
  "/privacy",
  "/_catalog",
  "sha256:",
  "sha256%3a",
  "sha256-",
  ".sig",
  "__proto__",
  "constructor",
  "a".repeat(300),
  "a/".repeat(100),
  "%2e".repeat(100),
];

const ORIGINS = [
  "http://registry.example",
  "https://registry.example:8443",
  "http://127.0.0.1:8080",
  "http://[::1]:8080",
];
// What a client can make of the origin by its Host header, or by an absolute target.
const ODD_ORIGINS = [
  "",
  "http://",
  "https://",
  "HTTP://EVIL.EXAMPLE",
  "http://u:p@evil.example",
  "http://evil.example/v2/x/manifests/y?",
  "http://evil.example/..",
  "http://evil.example?",
  "http://evil.example#",
  "http://a b c",
  "http://\\evil.example",
  "ftp://evil.example",
  "x:",
  "x:/",
  "x://y",
  "*",
  "http:",
  "://",
  "//evil.example",
];

const METHODS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "FOO"];
const ODD_METHODS = [
  "get",
  "Head",
  "",
  "GET ",
  " GET",
  "GET\0",
  "G\u00c9T",
  "__proto__",
  "HEADGET",
];

const ADDRESSES = [
  "35.180.1.1",
  "35.180.7.1",
  "34.155.1.1",
  "203.0.113.9",
  "0.0.0.0",
  "255.255.255.255",
  "2001:db8:a::1",
  "2001:db8:b::1",
  "::",
  "::1",
  "::ffff:35.180.1.1",
  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];
const NO_ADDRESSES = [
  "",
  "unknown",
  "010.1.1.1",
  "0x7f.1",
  "35.180.1",
  "35.180.1.1:443",
  "[::1]",
  "::1%lo",
  "1.2.3.4.5",
  "999.1.1.1",
  "-1.1.1.1",
  "1e3.1.1.1",
  ":::",
  "1:2:3:4:5:6:7:8:9",
  "::ffff:1.2.3",
  "\u0661.2.3.4",
  "NaN",
];
const LOAD_BALANCERS = ["10.0.0.1", "", "anything", "::1"];

const PEERS: readonly Deno.Addr[] = [
  { transport: "tcp", hostname: "35.180.1.1", port: 1 },
  { transport: "tcp", hostname: "34.155.1.1", port: 1 },
  { transport: "tcp", hostname: "203.0.113.9", port: 1 },
  { transport: "tcp", hostname: "2001:db8:a::1%eth0", port: 1 },
  { transport: "tcp", hostname: "::ffff:34.155.1.1", port: 1 },
  { transport: "tcp", hostname: "", port: 0 },
  { transport: "unix", path: "/run/archeio.sock" },
];

/** Makes a function that gives hostile requests, one after another, without an end. */
export function createHostileRequests(random: () => number): () => HostileRequest {
  function below(count: number): number {
    return Math.floor(random() * count);
  }

  function one<Value>(values: readonly Value[]): Value {
    return values[below(values.length)]!;
  }

  /** Whether something happens that does so once in `count` times. */
  function once(count: number): boolean {
    return below(count) === 0;
  }

  function hex(length: number): string {
    // Of few different ones, so that much is remembered from a request before.
    if (!once(4)) return one(HEX.split("")).repeat(length);
    return Array.from({ length }, () => HEX[below(16)]).join("");
  }

  function digest(): string {
    if (once(12)) return one(BAD_DIGESTS);
    if (once(12)) return one(OTHER_DIGESTS);
    return once(4) ? `sha512:${hex(128)}` : `sha256:${hex(64)}`;
  }

  function name(): string {
    return once(10) ? one(BAD_NAMES) : one(NAMES);
  }

  function tag(): string {
    if (once(10)) return one(BAD_TAGS);
    return once(3) ? `sha256-${hex(64)}${one(["", ".sig", ".att", ".sbom", ".x"])}` : one(TAGS);
  }

  function plainPath(): string {
    switch (below(12)) {
      case 0:
        return one(["/", "/privacy", "/v2/", "/v2", "/v2/_catalog", "/v2/a", "/robots.txt"]);
      case 1:
        return `/v2/${name()}/tags/list`;
      case 2:
        return `/v2/${name()}/referrers/${digest()}`;
      case 3:
      case 4:
        return `/v2/${name()}/manifests/${tag()}`;
      case 5:
      case 6:
        return `/v2/${name()}/manifests/${digest()}`;
      default:
        return `/v2/${name()}/blobs/${digest()}`;
    }
  }

  function anyCharacter(): string {
    return String.fromCharCode(once(4) ? below(0x10000) : below(0x80));
  }

  function piece(): string {
    return once(3) ? anyCharacter() : one(PIECES);
  }

  function percentEncoded(text: string): string {
    const digits = text.charCodeAt(0).toString(16).padStart(2, "0");
    return `%${once(2) ? digits : digits.toUpperCase()}`;
  }

  function mutated(text: string): string {
    const at = below(text.length + 1);
    const before = text.slice(0, at);
    const after = text.slice(at);
    switch (below(9)) {
      case 0:
      case 1:
      case 2:
        return before + piece() + after;
      case 3:
        return before + after.slice(1 + below(3));
      case 4:
        return before + (after === "" ? "" : percentEncoded(after)) + after.slice(1);
      case 5:
        return before + after.charAt(0).toUpperCase() + after.slice(1);
      case 6:
        return before + after.slice(0, below(20)) + after;
      case 7: {
        const slash = text.indexOf("/", at);
        return slash < 0 ? text + piece() : text.slice(0, slash) + piece() + text.slice(slash + 1);
      }
      default:
        return before + anyCharacter() + after.slice(1);
    }
  }

  function path(): string {
    if (once(8)) {
      const pieces = Array.from({ length: 1 + below(8) }, piece).join("");
      return once(2) ? `/${pieces}` : `/v2/${pieces}`;
    }
    let path = plainPath();
    while (once(2)) path = mutated(path);
    return path;
  }

  function query(): string {
    if (!once(4)) return "";
    const parameters = Array.from({ length: below(5) }, () => {
      const key = once(2) ? one(["n", "last", "ns", "%6es", "n%73", "artifactType"]) : piece();
      return once(4) ? key : `${key}=${once(2) ? one(["1", "a/b", "x%2fy"]) : piece()}`;
    });
    return `?${parameters.join(once(8) ? "?" : "&")}`;
  }

  function method(): string {
    if (once(16)) return once(2) ? one(METHODS) : one(ODD_METHODS);
    return once(3) ? "HEAD" : "GET";
  }

  function forwarded(): string {
    const client = once(6) ? one(NO_ADDRESSES) : one(ADDRESSES);
    let value = `${client}${one([",", ", ", " ,\t"])}${one(LOAD_BALANCERS)}`;
    if (once(4)) value = `${piece()}, ${value}`;
    if (once(12)) value = mutated(value);
    if (once(40)) value = ",".repeat(below(1000)) + value;
    return value;
  }

  return function next() {
    const headers = new Map<string, string>();
    if (!once(4)) headers.set("x-forwarded-for", forwarded());
    if (once(3)) headers.set("x-real-ip", once(3) ? one(NO_ADDRESSES) : one(ADDRESSES));
    const origin = once(16) ? one(ODD_ORIGINS) : one(ORIGINS);
    return { method: method(), url: origin + path() + query(), headers, peer: one(PEERS) };
  };
}
