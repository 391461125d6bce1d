/**
 * Playing the model: steps that change the world, and what must hold after each.
 *
 * @module
 */

import type { Copy, Mode, ModelServer } from "./network.ts";
import { BrokenPromise, createPromises, type Promises, SLACK_MS } from "./promises.ts";
import type { Published, Publisher } from "./publisher.ts";
import type { RegistryMode, TokenMode } from "./registry.ts";
import { createRelayPromises, type RelayPromises } from "./relay_promises.ts";
import {
  BOUNDS,
  type ClientNetwork,
  CLIENTS,
  createModelWorld,
  type MirrorName,
  type ModelWorld,
} from "./world.ts";

/** Something that happens. */
export type Step =
  /** Time passes. */
  | { readonly kind: "pass"; readonly ms: number }
  /** A server answers otherwise from now on. */
  | { readonly kind: "mode"; readonly server: MirrorName | "main" | "sig"; readonly mode: Mode }
  /** A mirror takes longer to answer. */
  | { readonly kind: "latency"; readonly server: MirrorName; readonly ms: number }
  /** A mirror gets a blob, or all of them; whole, or in a way that cannot be read. */
  | {
    readonly kind: "fill";
    readonly server: MirrorName;
    readonly blob: number | "all";
    readonly copy: Copy;
  }
  /** A mirror loses a blob, or all of them. */
  | { readonly kind: "lose"; readonly server: MirrorName; readonly blob: number | "all" }
  /** A client asks for a blob. */
  | Ask
  /** A client asks for many blobs, one soon after the other. */
  | {
    readonly kind: "pull";
    readonly from: ClientNetwork;
    readonly client: number;
    readonly isolate: number;
  }
  /** A client asks for blobs that nobody has, all at once. */
  | {
    readonly kind: "flood";
    readonly from: ClientNetwork;
    readonly count: number;
    readonly isolate: number;
  }
  /** A client asks for five blobs a second that nobody has. */
  | {
    readonly kind: "nag";
    readonly from: ClientNetwork;
    readonly count: number;
    readonly isolate: number;
  }
  /** Clients ask for the same of the registry, all at once. */
  | Relay
  /** A client asks for tags that there are not, all at once. */
  | { readonly kind: "relay_flood"; readonly count: number; readonly isolate: number }
  /** The registry, or its token service, answers otherwise from now on. */
  | { readonly kind: "registry"; readonly mode: RegistryMode }
  | { readonly kind: "tokens"; readonly mode: TokenMode }
  | { readonly kind: "registry_latency"; readonly ms: number }
  /** A tag comes to stand for another manifest, or for none. */
  | {
    readonly kind: "move";
    readonly name: string;
    readonly tag: string;
    readonly manifest: number | undefined;
  }
  /** A repository becomes private, or public again. */
  | { readonly kind: "hide"; readonly name: string; readonly hidden: boolean }
  /** A provider publishes something else from now on. */
  | { readonly kind: "publish"; readonly publisher: Publisher; readonly file: Published }
  | { readonly kind: "reload"; readonly variant: number }
  /** An isolate dies. */
  | { readonly kind: "kill" };

/** A client asks for a blob; those below 0 are made up. */
export interface Ask {
  readonly kind: "ask";
  readonly from: ClientNetwork;
  readonly client: number;
  readonly blob: number;
  readonly isolate: number;
  readonly method: "GET" | "HEAD";
}

/** Clients ask for a manifest or a blob of the registry. */
export interface Relay {
  readonly kind: "relay";
  readonly name: string;
  /** A tag, or the number of a manifest. */
  readonly reference: string | number;
  readonly blob: boolean;
  readonly count: number;
  readonly isolate: number;
  readonly method: "GET" | "HEAD";
}

/** A world, and what happens in it. */
export interface Story {
  /** Whether the other isolates than the main one never become ready. */
  readonly stuck: boolean;
  readonly steps: readonly Step[];
}

/** How many blobs there are: more than a mirror is checked by. */
export const BLOBS = 30;

const NAG_EVERY_MS = 200;
const PULL_EVERY_MS = 40;
// Whoever floods is none of the other clients.
const FLOODING_CLIENT = 250;

/** Plays a story; rejects with `BrokenPromise` when something does not hold. */
export async function play({ stuck, steps }: Story, random: () => number): Promise<void> {
  const world = await createModelWorld({ random, stuck });
  const promises = createPromises(world);
  const relayed = createRelayPromises(world, (promise) => {
    promises.fail(new BrokenPromise(promise));
  });
  const take = createSteps(world, promises, relayed);
  try {
    for (const step of steps) {
      await take(step);
      await relayed.check();
      promises.check();
    }
    await world.clock.pass(2 * BOUNDS.timeoutMs + SLACK_MS);
    await relayed.check();
    promises.check();
  } catch (error) {
    if (error instanceof Error) error.message += `\n${world.told.slice(-30).join("\n")}`;
    throw error;
  } finally {
    await world.end();
  }
}

/** Makes a function that has something happen. */
function createSteps(
  world: ModelWorld,
  promises: Promises,
  relayed: RelayPromises,
): (step: Step) => Promise<void> {
  const { clock, network, registry } = world;
  const relay = createRelaying(world, promises, relayed);
  let madeUp = 0;

  function serverOf(name: string): ModelServer {
    return network.servers.get(`http://${name}.example`)!;
  }

  async function nag(from: ClientNetwork, isolate: number, count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      ask(madeUpBy(from, isolate));
      await clock.pass(NAG_EVERY_MS);
    }
  }

  async function pull(step: Extract<Step, { kind: "pull" }>): Promise<void> {
    for (let blob = 0; blob < BLOBS; blob++) {
      ask({ ...step, kind: "ask", blob, method: "GET" });
      await clock.pass(PULL_EVERY_MS);
    }
  }

  function madeUpBy(from: ClientNetwork, isolate: number): Ask {
    const blob = -++madeUp;
    return { kind: "ask", from, isolate, client: FLOODING_CLIENT, blob, method: "GET" };
  }

  function ask({ from, client, blob, isolate, method }: Ask): void {
    const serving = world.serving();
    const own = serving[isolate % serving.length]!;
    const digest = blob < 0 ? madeUpDigest(blob) : digestOf(blob);
    const address = `${CLIENTS[from]}${client}`;
    const request = new Request(`http://x/v2/app/blobs/${digest}`, {
      method,
      headers: { "x-forwarded-for": address },
    });
    const asked = promises.asks({ digest, from, address, isolate: own, method });
    const answered = (response: Response) => promises.answers(asked, response);
    const response = own.handle!(request, {});
    if (response instanceof Promise) response.then(answered).catch(promises.fail);
    else answered(response);
  }

  return async function take(step) {
    switch (step.kind) {
      case "pass":
        return await clock.pass(step.ms);
      case "mode":
        return promises.changes(serverOf(step.server), (server) => server.mode = step.mode);
      case "latency":
        return promises.changes(serverOf(step.server), (server) => server.latencyMs = step.ms);
      case "fill":
        return promises.changes(serverOf(step.server), ({ blobs }) => {
          for (const digest of digests(step.blob)) blobs.set(digest, step.copy);
        });
      case "lose":
        return promises.changes(serverOf(step.server), ({ blobs }) => {
          for (const digest of digests(step.blob)) blobs.delete(digest);
        });
      case "ask":
        ask(step);
        return await clock.settle();
      case "pull":
        relayed.floods();
        return await pull(step);
      case "flood":
        promises.floods();
        relayed.floods();
        for (let at = 0; at < step.count; at++) ask(madeUpBy(step.from, step.isolate));
        return await clock.settle();
      case "nag":
        relayed.floods();
        return await nag(step.from, step.isolate, step.count);
      case "relay":
        relay(step);
        return await clock.settle();
      case "relay_flood":
        relayed.floods();
        for (let at = 0; at < step.count; at++) {
          relay({ ...step, kind: "relay", name: "one", reference: `none-${++madeUp}`, ...PLAIN });
        }
        return await clock.settle();
      case "registry":
        return relayed.changes(() => registry.mode = step.mode);
      case "tokens":
        return relayed.changes(() => registry.tokenMode = step.mode);
      case "registry_latency":
        return relayed.changes(() => registry.latencyMs = step.ms);
      case "move":
        return registry.move(step.name, step.tag, step.manifest);
      case "hide":
        return relayed.changes(() =>
          step.hidden ? registry.hidden.add(step.name) : registry.hidden.delete(step.name)
        );
      case "publish":
        world.publishing.files[step.publisher] = step.file;
        return;
      case "reload":
        promises.unrests();
        relayed.unrests();
        return world.reload(step.variant);
      case "kill":
        promises.unrests();
        relayed.unrests();
        return world.kill();
    }
  };
}

const PLAIN = { blob: false, count: 1, method: "GET" } as const;
// They have no mirrors, and so ask the registry alone.
const RELAYED_CLIENT = `${CLIENTS.w}1`;

/** Makes a function that has clients ask for something of the registry. */
function createRelaying(
  { registry, serving }: ModelWorld,
  promises: Promises,
  relayed: RelayPromises,
): (relay: Relay) => void {
  function ask({ name, reference, blob, isolate, method }: Relay): void {
    const own = serving()[isolate % serving().length]!;
    const text = typeof reference === "string" ? reference : registry.manifests[reference]!.digest;
    const url = `http://x/v2/pub/${name}/${blob ? "blobs" : "manifests"}/${text}`;
    const headers = { "x-forwarded-for": RELAYED_CLIENT };
    const asked = relayed.asks({ name, reference: text, blob, method, isolate: own });
    const answered = (response: Response) =>
      void relayed.answers(asked, response).catch(promises.fail);
    const response = own.handle!(new Request(url, { method, headers }), {});
    if (response instanceof Promise) response.then(answered).catch(promises.fail);
    else answered(response);
  }

  return (relay) => {
    // Whoever asks takes places, for as long as the registry does not answer.
    promises.floods();
    for (let at = 0; at < relay.count; at++) ask(relay);
  };
}

function digests(blob: number | "all"): string[] {
  return blob === "all" ? Array.from({ length: BLOBS }, (_, at) => digestOf(at)) : [digestOf(blob)];
}

function digestOf(blob: number): string {
  return `sha256:${(blob + 1).toString(16).padStart(64, "f")}`;
}

function madeUpDigest(blob: number): string {
  return `sha256:${(-blob).toString(16).padStart(64, "0")}`;
}
