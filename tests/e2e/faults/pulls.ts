/**
 * Pulls that go on, as a cluster's do: many clients, each for one blob after another,
 * trying again as container runtimes do.
 *
 * @module
 */

/** A redirect that a client was given. */
export interface Redirect {
  /** When the request was sent, in milliseconds of `performance.now()`. */
  readonly askedAt: number;
  /** Where to: the origin of the `Location`. */
  readonly to: string;
}

/** Pulls that go on. */
export interface Pulls {
  /** All redirects that were given. */
  readonly redirects: readonly Redirect[];
  /** How many blobs were pulled. */
  readonly done: number;
  /** How many tries failed, whether or not the next one ended well. */
  readonly failedTries: number;
  /** Why blobs could not be pulled. */
  readonly failures: readonly string[];
  /** Lets the clients finish what they are at, and stops them. */
  stop(): Promise<void>;
}

/** Who pulls what. */
export interface PullsOptions {
  /** archeio's base URL. */
  readonly url: string;
  /** The digests that are pulled, over and over. */
  readonly digests: readonly string[];
  /** How many clients there are. */
  readonly clients?: number;
  /** How long each waits before its next pull, in milliseconds. */
  readonly pauseMs?: number;
  /** A certificate that is trusted, as PEM. */
  readonly trusted?: string | undefined;
}

/** The header that makes a request count as coming from AWS, eu-west-3. */
export const FROM_PARIS = { "x-forwarded-for": "35.180.1.1, 10.0.0.1" } as const;

let fromParis = 0;

/** The same, from another address each time: a client that has asked for nothing yet. */
export function nextFromParis(): Readonly<Record<"x-forwarded-for", string>> {
  const number = fromParis++;
  const address = `35.180.${2 + (number >> 8) % 250}.${number & 255}`;
  return { "x-forwarded-for": `${address}, 10.0.0.1` };
}

// A try that takes longer is given up, and the next comes later each time: in sum about
// five seconds, as against minutes for a kubelet.
const TRY_MS = 1000;
const TRIES = 6;
const WAIT_MS = 50;

/** Has clients pull until they are stopped. Each pull is that of a machine of its own. */
export function startPulls(options: PullsOptions): Pulls {
  const { url, digests, clients = 4, pauseMs = 5, trusted } = options;
  const redirects: Redirect[] = [];
  const failures: string[] = [];
  const client = trusted === undefined ? undefined : Deno.createHttpClient({ caCerts: [trusted] });
  let done = 0;
  let failedTries = 0;
  let stopped = false;

  async function tryPull(digest: string, headers: HeadersInit): Promise<void> {
    const askedAt = performance.now();
    const signal = AbortSignal.timeout(TRY_MS);
    const answer = await fetch(`${url}/v2/app/blobs/${digest}`, {
      redirect: "manual",
      headers,
      signal,
    });
    await answer.body?.cancel();
    const location = answer.headers.get("location");
    if (answer.status !== 307 || location === null) throw new Error(`status ${answer.status}`);
    redirects.push({ askedAt, to: new URL(location).origin });
    const blob = await fetch(location, client === undefined ? { signal } : { signal, client });
    const text = await blob.text();
    if (!blob.ok || text !== digest) throw new Error(`${location}: ${blob.status} ${text}`);
  }

  async function pull(digest: string): Promise<void> {
    const headers = nextFromParis();
    for (let number = 1;; number++) {
      try {
        return await tryPull(digest, headers);
      } catch (error) {
        failedTries++;
        if (number === TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS * 2 ** number));
      }
    }
  }

  async function pullOn(first: number): Promise<void> {
    for (let at = first; !stopped; at++) {
      try {
        await pull(digests[at % digests.length]!);
        done++;
      } catch (error) {
        failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  const running = Array.from({ length: clients }, (_, number) => pullOn(number * 7));
  return {
    redirects,
    failures,
    get done() {
      return done;
    },
    get failedTries() {
      return failedTries;
    },
    async stop() {
      const first = !stopped;
      stopped = true;
      await Promise.all(running);
      if (first) client?.close();
    },
  };
}
