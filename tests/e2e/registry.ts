/**
 * A registry: Debian's docker-registry, and before it what that one lacks.
 *
 * Version 2.8 is older than the OCI distribution specification 1.1: it gives all tags,
 * whatever is asked for, and knows no referrers. A registry of today does both.
 *
 * @module
 */

import type { CertificateFiles } from "./certificate_files.ts";
import { isListening, startDaemon } from "./daemon.ts";
import { tagOf } from "./digest.ts";
import { INDEX } from "./layout.ts";
import { startOnFreePorts } from "./free_ports.ts";
import { serveBoth, type Store } from "./store.ts";

/** A registry. */
export interface Registry extends Store {
  /** Where docker-registry itself listens, which is where images are pushed: `host:port`. */
  readonly origin: string;
}

/** Starts a registry, which keeps what it has in a folder. */
export async function startRegistry(
  folder: string,
  certificate: CertificateFiles,
): Promise<Registry> {
  const { port, daemon } = await startOnFreePorts(1, async ([port]) => {
    const config = `${folder}.yml`;
    await Deno.writeTextFile(
      config,
      `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${folder} } }
http: { addr: "127.0.0.1:${port}" }
`,
    );
    const isReady = () => isListening(port!);
    return { port, daemon: await startDaemon("docker-registry", ["serve", config], { isReady }) };
  });
  const origin = `127.0.0.1:${port}`;
  const front = serveBoth((request) => answer(request, `http://${origin}`), certificate);
  return {
    ...front,
    origin,
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await daemon.stop();
    },
  };
}

async function answer(request: Request, origin: string): Promise<Response> {
  const { pathname, search, searchParams } = new URL(request.url);
  const [, referred, digest] = /^(.*)\/referrers\/(.*)$/.exec(pathname) ?? [];
  if (digest !== undefined) {
    const fallback = `${origin}${referred}/manifests/${tagOf(digest)}`;
    const headers = { accept: INDEX };
    return filterReferrers(await fetch(fallback, { headers }), searchParams.get("artifactType"));
  }
  const response = await fetch(origin + pathname + search, {
    method: request.method,
    headers: request.headers,
    redirect: "manual",
  });
  return pathname.endsWith("/tags/list") && searchParams.has("n")
    ? pageOf(response, pathname, Number(searchParams.get("n")), searchParams.get("last") ?? "")
    : response;
}

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
// Clients that know no such API pull the same index by the tag `sha256-<hex>`.
export async function filterReferrers(fallback: Response, artifactType: string | null) {
  // It knows what refers to what, and so that nothing does.
  const nothing = { schemaVersion: 2, mediaType: INDEX, manifests: [] };
  const answered = await fallback.json();
  const index = fallback.ok ? answered : nothing;
  if (artifactType !== null) {
    index.manifests = index.manifests.filter((manifest: { artifactType: string }) =>
      manifest.artifactType === artifactType
    );
  }
  const headers = new Headers({ "content-type": index.mediaType });
  if (artifactType !== null) headers.set("oci-filters-applied", "artifactType");
  return new Response(JSON.stringify(index), { headers });
}

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
export async function pageOf(all: Response, path: string, count: number, last: string) {
  const { name, tags } = await all.json() as { name: string; tags: string[] };
  const rest = tags.toSorted().filter((tag) => tag > last);
  const page = rest.slice(0, count);
  const headers = new Headers({ "content-type": "application/json" });
  if (page.length < rest.length) {
    headers.set("link", `<${path}?n=${count}&last=${page.at(-1)}>; rel="next"`);
  }
  return new Response(JSON.stringify({ name, tags: page }), { headers });
}
