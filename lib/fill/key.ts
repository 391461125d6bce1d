/**
 * Where a blob's object is in a store: a template with the parts of the digest in it, and the
 * same template read backwards, which tells the keys of blobs from all others.
 *
 * @module
 */

import { isRegisteredDigest } from "../oci/grammar.ts";

/** A template of keys. */
export interface KeyTemplate {
  /** The key of a blob. */
  format(digest: string): string;
  /** The digest of the blob whose key is exactly this, or `undefined` if it is none's. */
  tryDigest(key: string): string | undefined;
  /** What all keys begin with. */
  readonly prefix: string;
}

const PLACEHOLDER = /\{(digest|algorithm|hex|hex:(\d+))\}/g;

/** What a template must look like, as text that follows "allowed: ". */
export const KEY_TEMPLATE: string =
  "a key with {digest}, or with {hex} and, if wanted, {algorithm} and {hex:2}; no other braces, " +
  "no slash at its beginning, no . or .. between slashes";

/** Whether a text is a template of keys: see {@linkcode KEY_TEMPLATE}. */
export function isKeyTemplate(text: string): boolean {
  const rest = text.replaceAll(PLACEHOLDER, "x");
  const isWhole = /\{(?:digest|hex)\}/.test(text);
  // deno-lint-ignore no-control-regex -- no key of ours has control characters
  return isWhole && !/[{}\\]|[\x00-\x1f\x7f]/.test(rest) &&
    rest.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/**
 * The template of keys that goes with a mirror's URL: its path, without the bucket's name where
 * the URL is the bucket's own.
 *
 * @param url a URL, or a template of URLs, as in the configuration
 * @param bucket the bucket, if the store is one
 */
export function defaultKey(url: string, bucket?: KeyBucket): string {
  const base = bucket === undefined
    ? ""
    : `${bucket.endpoint?.replace(/\/+$/, "")}/${bucket.bucket}/`;
  const isOwn = bucket !== undefined && `${url.replace(/\/+$/, "")}/`.startsWith(base);
  const path = (isOwn ? url.slice(base.length) : url.replace(/^[a-z]+:\/\/[^/]*\/*/, ""))
    .replace(/\/+$/, "");
  const decoded = decodeOr(path);
  if (/\{/.test(decoded)) return decoded;
  return decoded === "" ? "{digest}" : `${decoded}/{digest}`;
}

function decodeOr(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The part of a bucket that its URLs begin with. */
export interface KeyBucket {
  /** The URL of the service. */
  readonly endpoint?: string | undefined;
  /** Its name. */
  readonly bucket?: string | undefined;
}

/** Parses a template that {@linkcode isKeyTemplate} accepts. */
export function parseKeyTemplate(text: string): KeyTemplate {
  const pattern = new RegExp(`^${text.split(PLACEHOLDER_PARTS).map(toPattern).join("")}$`);

  function format(digest: string): string {
    const [algorithm = "", hex = ""] = digest.split(":");
    return text.replaceAll(PLACEHOLDER, (_, name: string, length: string | undefined) => {
      if (name === "digest") return digest;
      if (name === "algorithm") return algorithm;
      return length === undefined ? hex : hex.slice(0, Number(length));
    });
  }

  return {
    format,
    prefix: text.slice(0, text.search(PLACEHOLDER)),
    tryDigest(key) {
      const { digest, hex = "" } = pattern.exec(key)?.groups ?? {};
      const found = digest ?? `${hex.length === 128 ? "sha512" : "sha256"}:${hex}`;
      return isRegisteredDigest(found) && format(found) === key ? found : undefined;
    },
  };
}

const PLACEHOLDER_PARTS = /(\{[^}]*\})/;

function toPattern(part: string, at: number, parts: readonly string[]): string {
  if (at % 2 === 0) return part.replaceAll(/[.*+?^$()|[\]\\{}]/g, "\\$&");
  const isFirst = parts.indexOf(part) === at;
  if (part === "{digest}") {
    return isFirst ? "(?<digest>[a-z0-9]+:[a-f0-9]+)" : "[a-z0-9]+:[a-f0-9]+";
  }
  if (part === "{algorithm}") return "[a-z0-9]+";
  return part === "{hex}" && isFirst ? "(?<hex>[a-f0-9]+)" : "[a-f0-9]+";
}
