/**
 * A mirror fails while clients pull, and is well again: how long that goes unnoticed, by
 * what it is noticed, what it costs.
 *
 * @module
 */

import type { Fault } from "./faults.ts";
import { type FaultyStore, lastPartOf, numberedBlob, startFaultyStore } from "./faulty_store.ts";
import { createImages, type SmallImage } from "./images.ts";
import { type Event, type Program, startProgram } from "./program.ts";
import { FROM_PARIS, type Pulls, startPulls } from "./pulls.ts";
import { type RealClient, runClient, type Runs, type TrustedCertificate } from "./real_clients.ts";

/** How it is played. */
export interface PlayOptions {
  readonly clients: readonly RealClient[];
  /** The configuration of `health` and `probe`. */
  readonly config: string;
  /** How long the mirror fails, in milliseconds. */
  readonly failsMs: number;
  /** How long each client that pulls single blobs waits before its next, in milliseconds. */
  readonly pauseMs: number;
  /** How many images there are for each client. */
  readonly imagesEach: number;
  /** What a mirror over TLS serves with. */
  readonly certificate: TrustedCertificate;
}

/** What came of it. */
export interface Outcome {
  /** How long after it began to fail the last client was sent to the mirror. */
  readonly sentMs: number;
  /** How long after it was well again the first client was sent there again. */
  readonly backMs: number;
  /** What was found out of the mirror. */
  readonly noticedBy: string;
  /** The pulls of single blobs by clients that try again. */
  readonly pulls: Pick<Pulls, "done" | "failedTries" | "failures">;
  readonly runs: readonly Runs[];
}

const DIGESTS = Array.from({ length: 20 }, (_, at) => `sha256:${String(at).padStart(64, "0")}`);

/** Plays it. */
export async function playFault(fault: Fault, options: PlayOptions): Promise<Outcome> {
  await using world = await startWorld(fault, options);
  const { near, pulls, program, images } = world;
  const { clients, failsMs, imagesEach } = options;
  const eventsBefore = program.events.length;
  await near.behave(fault.behaviour);
  const failedAt = performance.now();
  const running = clients.map((client, number) =>
    runClient(client, {
      host: new URL(program.url).host,
      images: images.slice(number * imagesEach, (number + 1) * imagesEach),
      everyMs: failsMs / imagesEach,
      isOver: () => performance.now() > failedAt + failsMs,
    })
  );
  await until(() => performance.now() > failedAt + failsMs);
  const noticedBy = describeEvents(program.events.slice(eventsBefore));
  const sent = redirectsTo(near, pulls, failedAt);
  await near.behave("well");
  const backAt = performance.now();
  await until(() => redirectsTo(near, pulls, backAt).length > 0);
  const backMs = redirectsTo(near, pulls, backAt)[0]!.askedAt - backAt;
  const runs = await Promise.all(running);
  await pulls.stop();
  const sentMs = Math.max(0, ...sent.map(({ askedAt }) => askedAt - failedAt));
  return { sentMs, backMs, noticedBy, pulls, runs };
}

interface World extends AsyncDisposable {
  readonly near: FaultyStore;
  readonly program: Program;
  readonly pulls: Pulls;
  readonly images: readonly SmallImage[];
}

/** Two mirrors and an upstream that have everything, and clients that are sent to the near one. */
async function startWorld(fault: Fault, options: PlayOptions): Promise<World> {
  const { clients, imagesEach, pauseMs, config, certificate } = options;
  await using stack = new AsyncDisposableStack();
  const { images, contents } = await createImages(clients.length * imagesEach);
  const find = (path: string) =>
    contents.get(path) ?? contents.get(lastPartOf(path)) ?? numberedBlob(path);
  const { cert, key } = certificate;
  const tls = fault.tls === true ? { cert, key } : undefined;
  const near = stack.use(startFaultyStore(tls === undefined ? { find } : { find, tls }));
  const far = stack.use(startFaultyStore({ find }));
  const upstream = stack.use(startFaultyStore({ find }));
  const text = `
upstreams: { main: { endpoint: "${upstream.url}" } }
mirrors: { near: { url: "${near.url}" }, far: { url: "${far.url}" } }
locations: { office/loopback: [ 127.0.0.0/8 ] }
rules: [ { clients: [ aws/eu-west-3, office/loopback ], mirrors: [ near, far ] } ]
${config}
`;
  const program = stack.use(await startProgram(text, { env: certificate.env }));
  const blobs = [...DIGESTS, ...images.flatMap(({ blobs }) => blobs)];
  await Promise.all(blobs.map((blob) => askFor(blob, program)));
  const { url } = program;
  const pulls = startPulls({ url, digests: DIGESTS, pauseMs, trusted: tls?.cert });
  stack.defer(() => pulls.stop());
  await until(() => pulls.done > DIGESTS.length);
  const running = stack.move();
  return { near, program, pulls, images, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Has the near mirror become known to have a blob. */
async function askFor(blob: string, { url }: Program): Promise<void> {
  const path = `${url}/v2/app/blobs/${blob}`;
  const { body } = await fetch(path, { redirect: "manual", headers: FROM_PARIS });
  await body?.cancel();
}

function redirectsTo({ url }: FaultyStore, { redirects }: Pulls, since: number) {
  return redirects.filter(({ to, askedAt }) => to === url && askedAt >= since);
}

function describeEvents(events: readonly Event[]): string {
  const down = events.find(({ message }) => message === "mirror is down");
  if (down !== undefined) return `check: ${down.reason}`;
  const lost = events.find(({ message }) => message.startsWith("mirror has lost blobs"));
  return lost === undefined ? "" : "check: it has lost blobs";
}

/** Waits until something is so. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
