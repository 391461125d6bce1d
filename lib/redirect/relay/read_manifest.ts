/**
 * Reads a manifest from a registry's answer, and checks it.
 *
 * @module
 */

import { isRegisteredDigest } from "../../oci/grammar.ts";
import { describeReason } from "../../mirrors/asker.ts";
import type { Limit } from "../../registry/limit.ts";
import { dropBody, tryReadBody } from "../../registry/read_body.ts";
import { failed, type Failure } from "./outcome.ts";
import type { Manifest } from "./relay_memory.ts";

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads a manifest.
 *
 * @param digest the digest that it must have; without it, the one that the registry says, if it
 * does
 */
export async function readManifest(
  response: Response,
  digest: string | undefined,
  limit: Limit,
): Promise<{ readonly kind: "read"; readonly manifest: Manifest } | Failure> {
  const { status, headers } = response;
  if (status !== 200) {
    dropBody(response);
    return failed("upstream", `it answered ${status} for a manifest`);
  }
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = await tryReadBody(response, MAX_BYTES, limit);
  } catch (error) {
    return failed("upstream", describeReason(error));
  }
  if (bytes === undefined) return failed("upstream", "a manifest of it has more than 4 MiB");
  const told = headers.get("docker-content-digest");
  const wanted = digest ?? (told !== null && isRegisteredDigest(told) ? told : undefined);
  // What is cut off is no JSON.
  if (wanted === undefined && !isJson(bytes)) {
    return failed("upstream", "a manifest of it is no JSON");
  }
  const own = await hashOf(bytes, wanted ?? "sha256:");
  if (wanted !== undefined && own !== wanted) {
    return failed("upstream", `a manifest of it has another digest than ${wanted}`);
  }
  const body = tryAscii(bytes) ?? bytes;
  const manifest = { digest: own, type: typeOf(headers), body, size: bytes.length };
  return { kind: "read", manifest };
}

const ALGORITHMS = { sha256: "SHA-256", sha512: "SHA-512" } as const;

/** The digest of some bytes, by the algorithm of another digest. */
export async function hashOf(bytes: Uint8Array<ArrayBuffer>, like: string): Promise<string> {
  const name = like.startsWith("sha512:") ? "sha512" : "sha256";
  const hash = new Uint8Array(await crypto.subtle.digest(ALGORITHMS[name], bytes));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${name}:${hex}`;
}

/** The text that some bytes encode, if that is ASCII. */
function tryAscii(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // All other characters take more bytes than UTF-16 has units for them.
    return text.length === bytes.length ? text : undefined;
  } catch {
    return undefined;
  }
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

// What all manifests are: a browser must take none for a page.
const TYPE = /^application\/[A-Za-z0-9!#$&^_.+-]{1,126}(?:; ?charset=utf-8)?$/;

function typeOf(headers: Headers): string {
  const type = headers.get("content-type") ?? "";
  return TYPE.test(type) ? type : "application/octet-stream";
}
