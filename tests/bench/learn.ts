/**
 * Mirrors that have the blobs of a traffic, and an archeio that knows it: what is measured is
 * the redirect of known blobs.
 *
 * @module
 */

import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { createLocator } from "../../lib/locations/locator.ts";
import { tryAddress } from "../../lib/net/address.ts";
import { load, type Script } from "./load.ts";
import type { Archeio, Targets } from "./servers.ts";
import type { Traffic } from "./traffic.ts";

/** A server with both mirrors. */
export interface Mirrors extends AsyncDisposable {
  /** The URLs of the mirrors. */
  readonly targets: Targets;
  /** How many requests they have answered. */
  readonly probes: () => number;
}

/** Starts mirrors that have the blobs of some traffics, and no other: else they would be down. */
export function startMirrors(traffics: readonly Traffic[]): Mirrors {
  let probes = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    probes++;
    const digest = url.slice(url.lastIndexOf("/") + 1);
    return new Response("x", { status: traffics.some(({ has }) => has(digest)) ? 200 : 404 });
  });
  const base = `http://127.0.0.1:${server.addr.port}`;
  return {
    targets: { near: `${base}/near/images`, far: `${base}/far/images` },
    probes: () => probes,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const MOST_PASSES = 40;
const PASSES_A_CIRCLE = 8;
const ENOUGH = 0.99;

/** Plays a traffic until archeio knows nearly all of its blobs, and prints how many. */
export async function learn(archeio: Archeio, traffic: Traffic, script: Script): Promise<void> {
  const wanted = countKnown(traffic);
  let known = await knownOf(archeio);
  for (let pass = 0; known < ENOUGH * wanted && pass < MOST_PASSES; pass++) {
    const from = script.count * (pass % PASSES_A_CIRCLE) / PASSES_A_CIRCLE;
    await load(archeio.port, script, 2, Math.floor(from));
    known = await knownOf(archeio);
  }
  console.log(`${archeio.name} knows ${known} blobs; the traffic asks for ${wanted}`);
}

// Clients in AWS have another mirror than those in no cloud; those in GCP have none.
function countKnown({ plays }: Traffic): number {
  const locator = createLocator(EMBEDDED);
  const known = new Set<string>();
  for (const { path, client } of plays) {
    const location = locator.locations[locator.locate(tryAddress(client)!)] ?? "";
    if (!path.includes("/blobs/") || location.startsWith("gcp/")) continue;
    known.add(`${location.startsWith("aws/")} ${path.slice(path.lastIndexOf("/"))}`);
  }
  return known.size;
}

async function knownOf({ admin }: Archeio): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  return Number(/^archeio_known_blobs\{state="found"\} (\d+)$/m.exec(metrics)![1]);
}
