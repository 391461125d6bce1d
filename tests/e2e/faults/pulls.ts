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
}

/** The header that makes a request count as coming from AWS, eu-west-3. */
export const FROM_PARIS = { "x-forwarded-for": "35.180.1.1, 10.0.0.1" } as const;

// A try that takes longer is given up, and the next comes later each time: in sum about
// five seconds, as against minutes for a kubelet.
const TRY_MS = 1000;
const TRIES = 6;
const WAIT_MS = 50;

/** Has clients pull until they are stopped. */
export function startPulls({ url, digests, clients = 4 }: PullsOptions): Pulls {
  const redirects: Redirect[] = [];
  const failures: string[] = [];
  let done = 0;
  let stopped = false;

  async function tryPull(digest: string): Promise<void> {
    const askedAt = performance.now();
    const signal = AbortSignal.timeout(TRY_MS);
    const answer = await fetch(`${url}/v2/app/blobs/${digest}`, {
      redirect: "manual",
      headers: FROM_PARIS,
      signal,
    });
    await answer.body?.cancel();
    const location = answer.headers.get("location");
    if (answer.status !== 307 || location === null) throw new Error(`status ${answer.status}`);
    redirects.push({ askedAt, to: new URL(location).origin });
    const blob = await fetch(location, { signal });
    const text = await blob.text();
    if (!blob.ok || text !== digest) throw new Error(`${location}: ${blob.status} ${text}`);
  }

  async function pull(digest: string): Promise<void> {
    for (let number = 1;; number++) {
      try {
        return await tryPull(digest);
      } catch (error) {
        if (number === TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS * 2 ** number));
      }
    }
  }

  async function client(first: number): Promise<void> {
    for (let at = first; !stopped; at++) {
      try {
        await pull(digests[at % digests.length]!);
        done++;
      } catch (error) {
        failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const running = Array.from({ length: clients }, (_, number) => client(number * 7));
  return {
    redirects,
    failures,
    get done() {
      return done;
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}
