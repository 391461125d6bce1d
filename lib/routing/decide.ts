/**
 * From what is asked for to a decision. Nothing here has an effect.
 *
 * @module
 */

import type { OciError } from "../oci/error_body.ts";
import type { Asked, ByDigest, InvalidPart } from "../oci/request.ts";
import type { Mirror, Policy, Rule, Upstream } from "./policy.ts";

/** What a request is to get. */
export type Decision =
  /** The answer to the API version check. */
  | { readonly kind: "version" }
  | RedirectToPage
  /**
   * A redirect to the first of `mirrors` that has the blob; when none does, as
   * {@linkcode decideUpstream} says.
   */
  | {
    readonly kind: "find_blob";
    readonly blob: ByDigest;
    readonly mirrors: readonly Mirror[];
  }
  | ToUpstream
  | Refusal;

/** An answer that says what is wrong with a request. */
export interface Refusal {
  /** Tells it from the other decisions. */
  readonly kind: "error";
  /** The HTTP status code. */
  readonly status: 400 | 404 | 405;
  /** What is wrong, for the body. */
  readonly error: OciError;
  /** Whether the answer has the OCI body: below `/v2/`, and wherever the method is wrong. */
  readonly api: boolean;
}

/** A redirect to a page for people. */
export interface RedirectToPage {
  /** Tells it from the other decisions. */
  readonly kind: "page";
  /** The page's URL. */
  readonly location: string;
}

/** A redirect to a registry. */
export type ToUpstream =
  | { readonly kind: "redirect"; readonly location: string; readonly upstream: Upstream }
  /**
   * A redirect to `signatures` when the upstream says that it does not have what is
   * at `asked`; else to `location`.
   */
  | {
    readonly kind: "ask_upstream";
    readonly asked: string;
    readonly location: string;
    readonly upstream: Upstream;
    readonly signatures: string;
    readonly signatureUpstream: Upstream;
  };

/** Whether a decision needs the client's location, and so its address. */
export function needsLocation(asked: Asked, policy: Policy): boolean {
  switch (asked.kind) {
    case "blob":
      return true;
    case "manifest_by_digest":
    case "tags":
      return policy.upstreamVaries;
    case "manifest_by_tag":
      return policy.upstreamVaries && !(asked.signature && policy.signatureUpstream !== undefined);
    case "referrers":
      return policy.upstreamVaries && policy.signatureUpstream === undefined;
    default:
      return false;
  }
}

/**
 * Decides what a request is to get.
 *
 * Every `Location` is put together here, from a base URL of the configuration and
 * from parts that the OCI grammar allows.
 *
 * @param rule the rule for the client's location; any will do when
 * {@linkcode needsLocation} says that none is needed
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createPolicy } from "./policy.ts";
 *
 * const upstream = { name: "main", base: "https://registry.example/v2/project/", place: 0 };
 * const policy = createPolicy({ upstream, rules: [] }, []);
 * const asked = { kind: "tags", name: "etcd", query: "?n=50" } as const;
 * assertEquals(decide(asked, policy.ruleFor(-1), policy), {
 *   kind: "redirect",
 *   location: "https://registry.example/v2/project/etcd/tags/list?n=50",
 *   upstream,
 * });
 * ```
 */
export function decide(asked: Asked, rule: Rule, policy: Policy): Decision {
  const { upstream } = rule;
  const signatures = policy.signatureUpstream;
  switch (asked.kind) {
    case "blob":
      return rule.mirrors.length === 0 || !asked.registered
        ? decideUpstream(asked, rule, policy)
        : { kind: "find_blob", blob: asked, mirrors: rule.mirrors };
    case "manifest_by_tag": {
      const to = asked.signature ? signatures ?? upstream : upstream;
      return redirect(to, `${asked.name}/manifests/${asked.tag}${asked.query}`);
    }
    case "manifest_by_digest":
      return decideUpstream(asked, rule, policy);
    case "referrers":
      return redirect(
        signatures ?? upstream,
        `${asked.name}/referrers/${asked.digest}${asked.query}`,
      );
    case "tags":
      return redirect(upstream, `${asked.name}/tags/list${asked.query}`);
    case "version":
      return { kind: "version" };
    case "info":
      return toPage(policy.infoPage);
    case "privacy":
      return toPage(policy.privacyPage);
    case "catalog":
      return error(404, true, {
        code: "UNSUPPORTED",
        message: "listing repositories is not supported",
      });
    case "invalid":
      return error(400, true, { ...INVALID[asked.part], detail: asked.value });
    case "method":
      return error(405, true, METHOD_NOT_ALLOWED);
    case "nothing":
      return asked.api ? error(404, true, NO_END_POINT) : NOT_FOUND;
  }
}

/**
 * Decides what a request for a blob or a manifest by its digest is to get from the
 * registries.
 *
 * A signature's tag is resolved by the signature upstream, and then its manifest and
 * its blobs are pulled by digest, which does not tell that they are a signature's.
 */
export function decideUpstream(asked: ByDigest, rule: Rule, policy: Policy): ToUpstream {
  const { kind, name, digest, registered, query } = asked;
  const { upstream } = rule;
  const signatures = policy.signatureUpstream;
  const path = `${name}/${kind === "blob" ? "blobs" : "manifests"}/${digest}`;
  if (signatures === undefined || signatures.base === upstream.base || !registered) {
    return redirect(upstream, path + query);
  }
  return {
    kind: "ask_upstream",
    asked: upstream.base + path,
    location: upstream.base + path + query,
    upstream,
    signatures: signatures.base + path + query,
    signatureUpstream: signatures,
  };
}

/**
 * The decision for a request whose client address cannot be told.
 *
 * @param forwarded the header that should give it, and its value, when it is there
 */
export function decideWithoutAddress(
  forwarded: { readonly header: string; readonly value: string } | undefined,
): Refusal {
  return error(
    400,
    true,
    forwarded === undefined
      ? { code: "CLIENT_ADDRESS_INVALID", message: "the connection has no client address" }
      : {
        code: "CLIENT_ADDRESS_INVALID",
        message:
          `the header ${forwarded.header} does not have the client's IP address in its place`,
        detail: forwarded.value,
      },
  );
}

function redirect(upstream: Upstream, path: string): ToUpstream {
  return { kind: "redirect", location: upstream.base + path, upstream };
}

function toPage(location: string | undefined): Decision {
  return location === undefined ? NOT_FOUND : { kind: "page", location };
}

function error(status: 400 | 404 | 405, api: boolean, error: OciError): Refusal {
  return { kind: "error", status, api, error };
}

const METHOD_NOT_ALLOWED: OciError = {
  code: "UNSUPPORTED",
  message: "only GET and HEAD are supported: this registry is for pulling",
};
const NO_END_POINT: OciError = { code: "UNSUPPORTED", message: "there is no such end point" };
const NOT_FOUND: Refusal = error(404, false, { code: "UNSUPPORTED", message: "not found" });

const INVALID: Readonly<Record<InvalidPart, OciError>> = {
  name: {
    code: "NAME_INVALID",
    message: "a repository name is lower-case components, such as sig-storage/csi-attacher",
  },
  tag: {
    code: "MANIFEST_INVALID",
    message: "a tag is 1 to 128 of A-Z, a-z, 0-9, _, . and -, and begins with none of the last two",
  },
  digest: {
    code: "DIGEST_INVALID",
    message: "a digest is an algorithm, a colon and the hash, such as sha256:<64 lower-case hex>",
  },
};
