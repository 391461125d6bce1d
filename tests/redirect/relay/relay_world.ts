/**
 * A small world for tests of relaying: a registry that wants a token, a registry of signatures,
 * a mirror, and a clock that stands still until it is moved.
 *
 * @module
 */

import { createPlacesMemory } from "../../../lib/mirrors/places.ts";
import { SERVER_NUMBERS } from "../../../lib/mirrors/upstream_check.ts";
import { createLocatedMemory } from "../../../lib/observe/located.ts";
import { addNumbers, createNumbersMemory } from "../../../lib/observe/numbers.ts";
import { createPullLog } from "../../../lib/observe/pull_log.ts";
import { createBoardMemory } from "../../../lib/mirrors/board.ts";
import { createRedirector } from "../../../lib/redirect/redirector.ts";
import { createNumbering, type Setup } from "../../../lib/redirect/setup.ts";
import type { Credentials } from "../../../lib/registry/server.ts";
import { createVirtualClock } from "../../mirrors/virtual_clock.ts";
import { createStubRegistry, type StubOptions } from "../../registry/stub_registry.ts";
import {
  type ConfigFile,
  createRequest,
  createTold,
  DATA_SET,
  type Incoming,
  readLines,
  readTestConfig,
} from "../fixture.ts";

/** A manifest, and its digest. */
export interface TestManifest {
  readonly text: string;
  readonly digest: string;
  readonly type: string;
}

export const INDEX = "application/vnd.oci.image.index.v1+json";
export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** The digest of some text or bytes. */
export async function digestOf(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  return `sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** A manifest with some content of its own. */
export async function manifestOf(own: string, type = INDEX): Promise<TestManifest> {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: type, own });
  return { text, digest: await digestOf(text), type };
}

/** A relaying upstream, one mirror. */
export const RELAYING: ConfigFile = {
  upstreams: { main: { endpoint: "https://ghcr.example", path: "acme", pull: "relay" } },
  mirrors: { cdn: { url: "https://cdn.example/blobs" } },
  rules: [{ clients: ["*"], mirrors: ["cdn"] }],
};

/** What a world is made of. */
export interface WorldOptions {
  readonly config?: ConfigFile;
  readonly stub?: StubOptions;
  readonly credentials?: Readonly<Record<string, Credentials>>;
  readonly isolates?: number;
  readonly compresses?: boolean;
  /** What other servers answer; by default they have nothing. */
  readonly others?: (request: Request) => Response | undefined;
}

/** Makes a world. */
export function createRelayWorld(options: WorldOptions = {}) {
  const { config = RELAYING, credentials, isolates = 1, others = () => undefined } = options;
  const clock = createVirtualClock(1_000_000);
  const stub = createStubRegistry(clock, options.stub);
  const elsewhere: string[] = [];
  const memory = {
    board: createBoardMemory(),
    places: createPlacesMemory(isolates, SERVER_NUMBERS),
    streams: createPlacesMemory(isolates, 1),
    located: createLocatedMemory(),
    numbers: createNumbersMemory(),
    slot: 0,
  };
  const { told, log } = createTold();
  let lines = "";
  const pulls = createPullLog({
    send: (bytes) => void (lines += new TextDecoder().decode(bytes)),
    now: clock.now,
    later: clock.later,
  });
  const numbering = createNumbering();
  const stop = new AbortController();

  const send: typeof fetch = async (input, init) => {
    const { origin, href } = new URL(String(input));
    const realm = options.stub?.realm ?? "";
    if (origin === stub.origin || href.startsWith(realm || "none:")) {
      return await stub.fetch(input, init);
    }
    const request = new Request(input, { ...init, signal: null });
    elsewhere.push(`${request.method} ${request.url}`);
    return others(request) ?? new Response(null, { status: 404 });
  };

  function setupOf(file: ConfigFile): Setup {
    const read = readTestConfig(file);
    const servers = numbering.enter(read);
    return { config: read, dataSet: undefined, ...servers, credentials, isolates };
  }

  const redirector = createRedirector(setupOf(config), {
    fetch: send,
    fetchAnew: send,
    dataSet: DATA_SET,
    memory,
    pulls,
    log,
    now: clock.now,
    timeOfDay: clock.now,
    later: clock.later,
    random: () => 0.5,
    compresses: options.compresses ?? false,
    stop: stop.signal,
  });

  /** Asks; the answer's body is not read. */
  async function ask(
    path: string,
    incoming: Incoming = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    const { request, info } = createRequest(path, incoming);
    const left = signal === undefined ? request : new Request(request, { signal });
    return await redirector.fetch(left, info);
  }

  function add(name: string, tag: string | undefined, manifest: TestManifest): void {
    const { text, digest, type } = manifest;
    const answer = () =>
      new Response(text, {
        headers: {
          "content-type": type,
          "content-length": String(text.length),
          "docker-content-digest": digest,
        },
      });
    stub.contents.set(`${name}/manifests/${digest}`, answer);
    if (tag !== undefined) stub.contents.set(`${name}/manifests/${tag}`, answer);
  }

  return {
    clock,
    stub,
    /** What was asked of other servers than the registry. */
    elsewhere,
    told,
    ask,
    add,
    stop,
    redirector,
    async change(file: ConfigFile): Promise<void> {
      const changed = redirector.change(setupOf(file));
      await clock.pass(100);
      await changed;
    },
    totals: () => addNumbers([memory.numbers]),
    /** What was asked of the registry since the last time: `GET app/manifests/v1`, `GET token`. */
    taken(): string[] {
      return stub.got.splice(0).map(({ method, url }) => {
        const { pathname, search } = new URL(url);
        return pathname.startsWith("/v2/")
          ? `${method} ${(pathname + search).replace(/^\/v2\/(?:acme\/)?/, "")}`
          : `${method} token`;
      });
    },
    pulls() {
      pulls.flush();
      const written = lines;
      lines = "";
      return readLines(written);
    },
  };
}

/** What an answer says, without what is the same of every one. */
export async function tell(response: Response) {
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

/** The code of an error's body. */
export async function codeOf(response: Response): Promise<string> {
  const { errors: [error] } = await response.json();
  return `${response.status} ${error.code}`;
}
