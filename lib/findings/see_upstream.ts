/**
 * Looks at an upstream: what it answers to clients, and to archeio.
 *
 * @module
 */

import { isName, isRegisteredDigest, isSignatureTag, isTag } from "../oci/grammar.ts";
import type { Pulled } from "../oci/request.ts";
import { normalizeAccept } from "../registry/accept.ts";
import { dropBody, tryReadBody } from "../registry/read_body.ts";
import { createRegistry, type RegistryAnswer } from "../registry/registry.ts";
import { isDockerHub, type RegistryServer } from "../registry/server.ts";
import { type Ask, type Reply, type Tools, withLimit } from "./ask.ts";
import type { NamedRepository, UpstreamPlan } from "./plan.ts";

/** What was seen of an upstream. */
export interface SeenUpstream {
  /** The answer to `/v2/`, without a token. */
  readonly ping: Reply;
  /** The answer to the list of a repository's tags without a token, if `/v2/` wants one. */
  readonly anonymous?: Reply | undefined;
  /** The repositories that were tried. */
  readonly repositories: readonly SeenRepository[];
}

/** What was seen of a repository. */
export interface SeenRepository extends NamedRepository {
  /** Whether nobody named it: there is probably none. */
  readonly madeUp: boolean;
  /** Its tags, or what there is instead. */
  readonly list: SeenList;
  /** The digests of some of its blobs. */
  readonly blobs: readonly string[];
  /** The answer to the HEAD request for the first of them. */
  readonly blob?: RegistryAnswer | undefined;
}

/** A list of tags, or what there is instead. */
export type SeenList =
  | {
    readonly kind: "listed";
    readonly tags: readonly string[];
    /** Whether these are not all. */
    readonly more: boolean;
  }
  | Exclude<RegistryAnswer, { readonly kind: "answered" }>;

/** Looks at an upstream. The promise never rejects. */
export type SeeUpstream = (plan: UpstreamPlan) => Promise<SeenUpstream>;

// A repository that an upstream does not have, to see how it says that.
const MADE_UP = "archeio/check";

/** Makes a function that looks at upstreams. */
export function createSeeUpstream(ask: Ask, tools: Tools): SeeUpstream {
  const see = createSeeRepository(tools);
  return async (plan) => {
    const { server, repositories } = plan;
    const ping = await ask("GET", `${new URL(server.base).origin}/v2/`);
    if (ping.kind === "failed") return { ping, repositories: [] };
    const named = repositories.length > 0 ? repositories : await readCatalog(ask, plan, ping);
    const madeUp = named.length === 0;
    const tried = madeUp ? [{ name: MADE_UP, there: MADE_UP }] : named;
    const [anonymous, ...seen] = await Promise.all([
      ping.status === 401 ? ask("GET", `${server.base}${tried[0]!.there}/tags/list`) : undefined,
      ...tried.map((repository) => see(server, { ...repository, madeUp })),
    ]);
    return { ping, anonymous, repositories: seen };
  };
}

// Some registries list their repositories, where anybody may see them.
async function readCatalog(
  ask: Ask,
  { server, settings }: UpstreamPlan,
  { status }: Reply & { readonly kind: "answered" },
): Promise<NamedRepository[]> {
  if (status !== 200 || settings.credentials !== undefined) return [];
  const { origin, pathname } = new URL(server.base);
  const catalog = await ask("GET", `${origin}/v2/_catalog?n=100`);
  if (catalog.kind === "failed" || catalog.status !== 200) return [];
  const path = pathname.slice("/v2/".length);
  const listed = tryField(catalog.body, "repositories");
  return toStrings(listed)
    .filter((name) => name.startsWith(path))
    .map((name) => name.slice(path.length))
    .filter((name) => isName(name))
    .slice(0, 1)
    .map((name) => ({ name, there: name }));
}

function createSeeRepository(tools: Tools) {
  const pull = createPull(tools);

  async function list(server: RegistryServer, name: string): Promise<SeenList> {
    return await pull(server, { kind: "tags", name, query: "" }, (answer, body) => {
      if (answer.kind !== "answered") return answer;
      const { headers } = answer.response;
      const more = /;\s*rel\s*=\s*"?next\b/i.test(headers.get("link") ?? "");
      return { kind: "listed", tags: toStrings(tryField(body, "tags")).filter(isTag), more };
    });
  }

  /** The digests of a manifest's blobs, or of those of the first manifest in an index. */
  async function listBlobs(
    server: RegistryServer,
    asked: Pulled,
    depth: number,
  ): Promise<string[]> {
    const body = await pull(
      server,
      asked,
      (answer, body) => answer.kind === "answered" ? body : "",
    );
    const children = digestsIn(tryField(body, "manifests"));
    if (children.length === 0 || depth === 0) {
      return digestsIn([tryField(body, "config"), ...toArray(tryField(body, "layers"))]);
    }
    const child = { kind: "manifest_by_digest", digest: children[0]!, registered: true } as const;
    return await listBlobs(server, { ...child, name: asked.name, query: "" }, depth - 1);
  }

  return async (
    server: RegistryServer,
    repository: NamedRepository & { readonly madeUp: boolean },
  ): Promise<SeenRepository> => {
    const { there: name } = repository;
    const seen = await list(server, name);
    // Docker Hub counts requests for manifests, and never serves blobs itself.
    const isCounted = isDockerHub(server);
    const tag = seen.kind === "listed" && !isCounted ? chooseTag(seen.tags) : undefined;
    if (tag === undefined) return { ...repository, list: seen, blobs: [] };
    const asked = { kind: "manifest_by_tag", name, tag, signature: false, query: "" } as const;
    const blobs = (await listBlobs(server, asked, 1)).slice(0, MOST_BLOBS);
    if (blobs.length === 0) return { ...repository, list: seen, blobs };
    const first = { kind: "blob", name, digest: blobs[0]!, registered: true, query: "" } as const;
    const blob = await pull(server, first, (answer) => answer);
    return { ...repository, list: seen, blobs, blob };
  };
}

const MOST_BLOBS = 5;
// As long as a manifest may be.
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Makes a function that asks registries; the bodies of lists and manifests are read. */
function createPull(tools: Tools) {
  const registry = createRegistry({ ...tools, tokenTimeoutMs: () => tools.timeoutMs });
  return <Result>(
    server: RegistryServer,
    asked: Pulled,
    use: (answer: RegistryAnswer, body: string) => Result,
  ): Promise<Result> =>
    withLimit(tools, async (limit) => {
      const method = asked.kind === "blob" ? "HEAD" : "GET";
      const headers = asked.kind === "tags" ? undefined : { accept: normalizeAccept(null) };
      const answer = await registry({ server, asked, method, limit, ...(headers && { headers }) });
      if (answer.kind !== "answered") return use(answer, "");
      const { response } = answer;
      if (method === "HEAD") {
        dropBody(response);
        return use(answer, "");
      }
      // What breaks off is as good as empty.
      const bytes = await tryReadBody(response, MAX_BODY_BYTES, limit).catch(() => undefined);
      return use(answer, new TextDecoder().decode(bytes));
    });
}

function chooseTag(tags: readonly string[]): string | undefined {
  const images = tags.filter((tag) => !isSignatureTag(tag));
  return images.includes("latest") ? "latest" : images.at(-1);
}

function tryField(json: string, field: string): unknown {
  try {
    const value = JSON.parse(json);
    return typeof value === "object" && value !== null ? value[field] : undefined;
  } catch {
    return undefined;
  }
}

function toArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function toStrings(value: unknown): string[] {
  return toArray(value).filter((one) => typeof one === "string");
}

function digestsIn(descriptors: unknown): string[] {
  return toArray(descriptors)
    .map((one) => typeof one === "object" && one !== null && "digest" in one ? one.digest : "")
    .filter((digest) => typeof digest === "string")
    .filter((digest) => isRegisteredDigest(digest));
}
