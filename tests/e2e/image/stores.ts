/**
 * An upstream and a mirror on loopback, with a manifest and a blob.
 *
 * @module
 */

import { digestOf } from "../digest.ts";

/** Something to pull. */
export interface Pullable {
  /** Where archeio is asked for it. */
  readonly path: string;
  /** Where it is. */
  readonly at: string;
  readonly content: string;
}

/** What serves, and what it serves. */
export interface Stores extends AsyncDisposable {
  readonly manifest: Pullable;
  readonly blob: Pullable;
  /** The paths that pulls asked for with GET, in order. */
  readonly got: readonly string[];
  /** The configuration that names them. */
  readonly config: string;
}

/** Starts them. */
export async function startStores(): Promise<Stores> {
  const content = "layer".repeat(100_000);
  const digest = await digestOf(new Uint8Array(new TextEncoder().encode(content)));
  const blob = { path: `/v2/app/blobs/${digest}`, at: `/mirror/${digest}`, content };
  const manifest = {
    path: "/v2/app/manifests/v1",
    at: "/v2/project/images/app/manifests/v1",
    content: `{"schemaVersion":2}`,
  };
  const got: string[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(options, ({ method, url, headers }) => {
    const { pathname } = new URL(url);
    const found = [blob, manifest].find(({ at }) => at === pathname);
    // archeio itself asks too, for example as it starts.
    if (method === "GET" && headers.get("user-agent") !== "archeio") got.push(pathname);
    if (found === undefined) return new Response(null, { status: 404 });
    return new Response(method === "HEAD" ? null : found.content);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    manifest,
    blob,
    got,
    config: `
upstreams: { main: { endpoint: "${url}", path: project/images } }
mirrors: { near: { url: "${url}/mirror" } }
rules: [{ clients: ["*"], mirrors: [near] }]
`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
