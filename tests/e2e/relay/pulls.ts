/**
 * Every client pulls from registries of each kind.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Client } from "../clients/client.ts";
import type { Docker } from "../clients/docker.ts";
import { type Relayed, type Relaying, startRelaying } from "./entrance.ts";
import { blobsIn, isOurs, type Logs, manifestsIn, watch } from "./logs.ts";
import type { RelayStage } from "./stage.ts";

/** A registry, and how it is relayed. */
interface Kind extends Relaying {
  readonly what: string;
  readonly reference: "tag" | "digest";
}

function kindsOf({ streaming, redirecting, mirror }: RelayStage): readonly Kind[] {
  return [
    { what: "serves blobs, no mirror", registry: streaming, reference: "tag" },
    {
      what: "serves blobs, TLS, credentials, a mirror",
      registry: streaming,
      tls: true,
      signedIn: true,
      mirror,
      reference: "digest",
    },
    {
      what: "redirects, credentials, a mirror",
      registry: redirecting,
      signedIn: true,
      mirror,
      reference: "tag",
    },
    { what: "redirects, TLS, no mirror", registry: redirecting, tls: true, reference: "digest" },
  ];
}

/** Each client pulls an image for two platforms from each kind of registry. */
export async function pullEverywhere(stage: RelayStage, test: Deno.TestContext): Promise<void> {
  for (const kind of kindsOf(stage)) {
    const { registry, signedIn = false, what } = kind;
    registry.hide(signedIn);
    await using relayed = await startRelaying(stage, kind);
    const { logs } = await watch(stage, async () => {
      for (const client of [...stage.clients, ...dockersOf(stage.docker, kind)]) {
        await test.step(`${client.name}, ${what}`, () => pull(stage, kind, relayed, client));
      }
    });
    await test.step(`what was fetched, ${what}`, () => assertFetched(stage, kind, logs));
    registry.hide(false);
  }
}

/** A client, and whether it asks for all blobs each time. */
type Puller = Client & { readonly keeps?: boolean };

const PLATFORMS = ["linux/amd64", "linux/arm64"];

// They keep what they have, and so ask for the rest only. By a digest docker has one platform at
// a time, and BuildKit asks whatever is on this machine by HTTP.
function dockersOf(docker: Docker | undefined, { tls = false }: Kind): readonly Puller[] {
  if (docker === undefined) return [];
  const ways = tls ? ["pull"] as const : ["pull", "build"] as const;
  return ways.map((way) => ({
    name: way === "pull" ? "docker" : "BuildKit",
    keeps: true,
    async pull({ host }, { name }, reference) {
      for (const platform of reference.startsWith("@") ? PLATFORMS.slice(0, 1) : PLATFORMS) {
        await docker[way](`${host}/${name}${reference}`, platform);
      }
      return "";
    },
  }));
}

async function pull(
  stage: RelayStage,
  kind: Kind,
  { entrance }: Relayed,
  client: Puller,
): Promise<void> {
  const { app } = stage.contents;
  const reference = kind.reference === "tag" ? `:${app.tag}` : `@${app.digest}`;
  const { result, logs } = await watch(stage, () => client.pull(entrance, app, reference));
  if (!client.keeps) assertEquals(result, app.digest);
  assertEquals(listGiven(kind, stage, logs), expectGiven(kind, stage, client, logs));
}

/** Who gave clients which blobs, such as `mirror sha256:…`. */
function listGiven({ registry }: Kind, stage: RelayStage, logs: Logs): string[] {
  // What a registry streams goes through archeio.
  const own = registry === stage.streaming ? logs.streaming : logs.redirecting.filter(isClients);
  const given = {
    registry: blobsIn(own),
    blobs: blobsIn(logs.blobs.filter(isClients)),
    mirror: blobsIn(logs.mirror.filter(isClients)),
  };
  return Object.entries(given).flatMap(([name, digests]) => digests.map((digest) => name + digest));
}

function isClients(entry: Parameters<typeof isOurs>[0]): boolean {
  return !isOurs(entry);
}

function expectGiven(kind: Kind, stage: RelayStage, { keeps }: Puller, logs: Logs): string[] {
  const { contents: { app, near }, streaming } = stage;
  const rest = kind.registry === streaming ? "registry" : "blobs";
  const all = app.blobs.map((digest) =>
    (kind.mirror !== undefined && near.has(digest) ? "mirror" : rest) + digest
  );
  const given = keeps ? new Set(listGiven(kind, stage, logs)) : new Set(all);
  return ["registry", "blobs", "mirror"].flatMap((name) =>
    all.filter((one) => one.startsWith(name) && given.has(one)).sort()
  );
}

/** Nobody but archeio asked the registry, each manifest once, and credentials went nowhere else. */
function assertFetched(stage: RelayStage, kind: Kind, logs: Logs): void {
  const { contents: { app } } = stage;
  const name = kind.registry === stage.streaming ? "streaming" : "redirecting";
  const tokensOf: Readonly<Record<typeof name, keyof Logs>> = {
    streaming: "streaming",
    redirecting: "redirectingTokens",
  };
  const asked = logs[name];
  // Without a token it is a challenge that is fetched.
  const granted = asked.filter(({ method, scheme }) => method === "GET" && scheme === "Bearer");
  assertEquals(asked.filter((entry) => !isOurs(entry)), []);
  const fetched = manifestsIn(granted).filter((one) => one !== `GET app/${app.tag}`);
  const expected = app.manifests.map((digest) => `GET app/${digest}`).sort();
  // The check at the start pulls, too, if there are names to pull.
  assertEquals(kind.signedIn ? [...new Set(fetched)] : fetched, expected);
  const tokens = logs[tokensOf[name]].filter(({ path }) => path === "/token");
  assertEquals(
    new Set(tokens.map(({ scheme }) => scheme)),
    new Set([kind.signedIn ? "Basic" : ""]),
  );
  // One, and another when that is old.
  assertEquals(tokens.length <= 3, true);
  const registry = asked.filter(({ path }) => path !== "/token");
  assertEquals(registry.filter(({ scheme }) => scheme === "Basic"), []);
  const others = [...logs.blobs, ...logs.mirror].filter(({ scheme }) => scheme !== "");
  assertEquals(others, []);
}
