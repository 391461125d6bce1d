/**
 * Playing the model: steps that change the world, and what must hold after each.
 *
 * @module
 */

import { settle } from "./clock.ts";
import type { Copy, Mode, ModelServer } from "./network.ts";
import { createPromises, type Promises, SLACK_MS } from "./promises.ts";
import type { Published, Publisher } from "./publisher.ts";
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
  const take = createSteps(world, promises);
  try {
    for (const step of steps) {
      await take(step);
      promises.check();
    }
    await world.clock.pass(BOUNDS.timeoutMs + SLACK_MS);
    promises.check();
  } catch (error) {
    if (error instanceof Error) error.message += `\n${world.told.slice(-30).join("\n")}`;
    throw error;
  } finally {
    await world.end();
  }
}

/** Makes a function that has something happen. */
function createSteps(world: ModelWorld, promises: Promises): (step: Step) => Promise<void> {
  const { clock, network } = world;
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
        return await settle();
      case "pull":
        return await pull(step);
      case "flood":
        promises.floods();
        for (let at = 0; at < step.count; at++) ask(madeUpBy(step.from, step.isolate));
        return await settle();
      case "nag":
        return await nag(step.from, step.isolate, step.count);
      case "publish":
        world.publishing.files[step.publisher] = step.file;
        return;
      case "reload":
        promises.unrests();
        return world.reload(step.variant);
      case "kill":
        promises.unrests();
        return world.kill();
    }
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
