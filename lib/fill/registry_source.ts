/**
 * A registry as a source of blobs.
 *
 * @module
 */

import type { World } from "../mirrors/time.ts";
import { normalizeAccept } from "../registry/accept.ts";
import { type Limit, startLimit } from "../registry/limit.ts";
import { tryReadBody } from "../registry/read_body.ts";
import type { Registry, RegistryAsked } from "../registry/registry.ts";
import type { RegistryServer } from "../registry/server.ts";
import { failed, failedBy, failedForGood, type Failure } from "./failure.ts";
import type { CreateHash } from "./hash.ts";
import { MAX_MANIFEST_BYTES } from "./manifest.ts";
import { readCatalog, readReferrers, readTags, tryNextQuery } from "./registry_lists.ts";
import { createFailureReader, describeStatus } from "./registry_answers.ts";
import { createBlobOpener } from "./registry_blob.ts";
import type { Listed, Source } from "./source.ts";

/** What a registry source needs. */
export interface RegistrySourceOptions extends Pick<World, "fetch" | "later" | "timeOfDay"> {
  /** The registry. */
  readonly server: RegistryServer;
  /** Asks registries. */
  readonly registry: Registry;
  /** Makes a hash. */
  readonly createHash: CreateHash;
}

/** The time limit of a request, until its answer has come whole. */
export const TIMEOUT_MS = 30_000;

// A list of a million tags, in one piece, as Google's registries send it.
const MOST_LIST_BYTES = 64 * 1024 * 1024;
const MOST_ITEMS = 1_000_000;

const ACCEPT = normalizeAccept("application/vnd.oci.artifact.manifest.v1+json");

/** A request for one page or one manifest. */
interface Asking {
  readonly asked: RegistryAsked;
  readonly method?: "GET" | "HEAD";
}

/** Makes a source of a registry. */
export function createRegistrySource(options: RegistrySourceOptions): Source {
  const { server, registry, createHash, later, timeOfDay } = options;
  const toFailure = createFailureReader(timeOfDay);

  /** Asks, and reads the answer within the same time limit. */
  async function ask<Value>(
    { asked, method = "GET" }: Asking,
    signal: AbortSignal,
    read: (response: Response, limit: Limit) => Promise<Value | Failure>,
  ): Promise<Listed<Value>> {
    const limit = startLimit({ timeoutMs: TIMEOUT_MS, later, signals: [signal] });
    try {
      const headers = { accept: ACCEPT };
      const answer = await registry({ server, asked, method, headers, limit });
      if (answer.kind === "missing") return answer;
      if (answer.kind !== "answered") return toFailure(answer);
      const value = await read(answer.response, limit);
      return isFailure(value) ? value : { kind: "found", value };
    } catch (error) {
      return failedBy(error);
    } finally {
      limit.end();
    }
  }

  /** Asks for all pages of a list. */
  async function askAll<Item>(
    asked: RegistryAsked,
    signal: AbortSignal,
    readPage: (text: string) => readonly Item[] | Failure,
  ): Promise<Listed<readonly Item[]>> {
    const items: Item[] = [];
    const seen = new Set<string>();
    for (let query = asked.query; !seen.has(query);) {
      seen.add(query);
      const page = await ask({ asked: { ...asked, query } }, signal, async (response, limit) => ({
        text: await readText(response, limit),
        next: tryNextQuery(response.headers.get("link")),
      }));
      if (page.kind !== "found") return page;
      const read = readPage(page.value.text);
      if ("kind" in read) return read;
      for (const item of read) items.push(item);
      if (items.length > MOST_ITEMS) return failedForGood(`it lists more than ${MOST_ITEMS}`);
      if (page.value.next === undefined) return { kind: "found", value: items };
      query = page.value.next;
    }
    return failed("its list has no end");
  }

  const { host, pathname } = new URL(server.base);
  // The list is of the whole host.
  const path = pathname.slice("/v2/".length);
  const readOwn = (text: string) => {
    const names = readCatalog(text);
    if ("kind" in names) return names;
    return names.filter((name) => name.startsWith(path)).map((name) => name.slice(path.length));
  };

  const source: Source = {
    host,
    repositories: (signal) =>
      askAll({ kind: "catalog", name: "", query: "?n=1000" }, signal, readOwn),
    async tags(name, signal) {
      const digests = new Map<string, string>();
      const asked = { kind: "tags", name, query: "" } as const;
      const answer = await askAll(asked, signal, (text) => readTags(text, digests));
      return answer.kind === "found"
        ? { kind: "found", value: { tags: answer.value, digests } }
        : answer;
    },
    async digestOf(name, tag, signal) {
      const asked = manifestOf(name, tag);
      const answer = await ask(
        { asked, method: "HEAD" },
        signal,
        ({ headers }) => Promise.resolve(headers.get("docker-content-digest") ?? ""),
      );
      // Not every registry answers HEAD, or tells a digest.
      const isTold = answer.kind === "found" ? answer.value !== "" : !saysNoHead(answer);
      if (isTold) return answer;
      const got = await source.manifest(name, tag, signal);
      if (got.kind !== "found") return got;
      const hash = createHash("sha256");
      hash.update(got.value);
      return { kind: "found", value: `sha256:${hash.hex()}` };
    },
    manifest: (name, reference, signal) =>
      ask(
        { asked: manifestOf(name, reference) },
        signal,
        async (response, limit) =>
          await tryReadBody(response, MAX_MANIFEST_BYTES, limit) ??
            failedForGood("it has more than 4 MiB"),
      ),
    referrers(name, digest, signal) {
      const asked = { kind: "referrers", name, digest, registered: true, query: "" } as const;
      return askAll(asked, signal, readReferrers);
    },
    blob: createBlobOpener({ ...options, toFailure }),
  };
  return source;
}

function manifestOf(name: string, reference: string): RegistryAsked {
  return reference.includes(":")
    ? { kind: "manifest_by_digest", name, digest: reference, registered: true, query: "" }
    : { kind: "manifest_by_tag", name, tag: reference, signature: false, query: "" };
}

function isFailure(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "failed";
}

function saysNoHead(answer: { readonly kind: string; readonly reason?: string }): boolean {
  return answer.reason === describeStatus(405);
}

async function readText(response: Response, limit: Limit): Promise<string> {
  const bytes = await tryReadBody(response, MOST_LIST_BYTES, limit);
  if (bytes === undefined) throw new RangeError(`it lists more than ${MOST_LIST_BYTES} bytes`);
  return new TextDecoder().decode(bytes);
}
