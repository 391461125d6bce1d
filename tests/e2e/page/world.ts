/**
 * The compiled program with an admin listener, before mirrors that fail as they are told.
 *
 * @module
 */

import { type Archeio, startArcheio } from "../archeio.ts";
import { createTempFolder } from "../temp_folder.ts";

/** Clients, by where they are. */
export const CLIENTS = {
  "aws/eu-west-3": "35.180.1.1",
  "aws/us-east-1": "3.80.1.1",
  "gcp/europe-north1": "35.220.26.1",
  elsewhere: "100.64.0.1",
} as const;

/** Where a client is. */
export type ClientPlace = keyof typeof CLIENTS;

/** A digest. */
export function digestOf(number: number): string {
  return `sha256:${number.toString(16).padStart(64, "0")}`;
}

// Digests that checks make up are greater.
const MOST = digestOf(0xffff);

/** A mirror, or an upstream. */
export interface FakeServer {
  readonly url: string;
  /** Has it answer everything with a status, or `undefined` for as it should. */
  status: number | undefined;
  /** The digests that it lacks. */
  readonly lacks: Set<string>;
}

/** The program and its mirrors. */
export interface PageWorld extends AsyncDisposable {
  readonly archeio: Archeio;
  /** The base URL of the admin listener. */
  readonly admin: string;
  readonly mirrors: Readonly<Record<string, FakeServer>>;
  readonly upstream: FakeServer;
  readonly folder: string;
  /** Pulls a blob, and says where the client is sent. */
  pull(place: ClientPlace, digest: string, repository?: string): Promise<string>;
}

/** What a world can be given. */
export interface PageWorldOptions {
  /** The names of mirrors: the first is for Paris, the second for Virginia, the last for all. */
  readonly mirrors?: readonly string[];
  /** More of the configuration, as lines. */
  readonly more?: string;
  /** More keys of the admin listener. */
  readonly admin?: string;
  /** What the state file of filling says. */
  readonly fillState?: unknown;
}

/** Starts it. */
export async function startPageWorld(
  { mirrors: names = ["paris", "virginia", "cdn"], more = "", admin = "", fillState }:
    PageWorldOptions = {},
): Promise<PageWorld> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await createTempFolder()).path;
  const mirrors = Object.fromEntries(names.map((name) => [name, stack.use(startServer())]));
  const upstream = stack.use(startServer());
  const lines = Object.entries(mirrors).map(([name, { url }]) =>
    `  ${name}: { url: "${url}/images" }`
  );
  const config = `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0${admin} }
pages: { backends: { also: [ "*.s3.example" ] } }
upstreams:
  main: { endpoint: "${upstream.url}", path: project/images }
mirrors:
${lines.join("\n")}
rules:
  - { clients: [ "gcp/*" ] }
  - { clients: [ aws/eu-west-3 ], mirrors: [ ${names[0]}, ${names.at(-1)} ] }
  - { clients: [ aws/us-east-1 ], mirrors: [ ${names[1]}, ${names.at(-1)} ] }
  - { clients: [ "*" ], mirrors: [ ${names.toReversed().join(", ")} ] }
health: { interval_ms: 200 }
${fillState === undefined ? "" : `fill: { repositories: [ app ], state: "${folder}" }`}
${more}`;
  await Deno.writeTextFile(`${folder}/state.json`, JSON.stringify(fillState ?? null));
  const archeio = stack.use(await startArcheio(folder, config));
  const running = stack.move();
  return {
    archeio,
    admin: archeio.admin!,
    mirrors,
    upstream,
    folder,
    async pull(place, digest, repository = "app") {
      const response = await fetch(`${archeio.url}/v2/${repository}/blobs/${digest}`, {
        redirect: "manual",
        headers: { "x-forwarded-for": `${CLIENTS[place]}, 10.0.0.1` },
      });
      await response.body?.cancel();
      return response.headers.get("location") ?? `status ${response.status}`;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function startServer(): FakeServer & AsyncDisposable {
  const lacks = new Set<string>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ method, url, headers }) => {
      const digest = url.slice(url.lastIndexOf("/") + 1);
      if (fake.status !== undefined) return new Response(null, { status: fake.status });
      if (lacks.has(digest) || digest > MOST) return new Response(null, { status: 404 });
      // The oldest Deno tells no length of a body that it does not send.
      if (method === "HEAD") return new Response(null, { headers: { "content-length": "1000" } });
      return new Response("b", { status: headers.has("range") ? 206 : 200 });
    },
  );
  const fake: FakeServer & AsyncDisposable = {
    url: `http://127.0.0.1:${server.addr.port}`,
    status: undefined,
    lacks,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return fake;
}
