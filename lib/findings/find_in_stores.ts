/**
 * Looks at the stores of mirrors: whether they can be listed and written to, and whether the
 * mirror delivers what is in them.
 *
 * @module
 */

import { formatPath } from "../config/mapping.ts";
import { failedBy } from "../fill/failure.ts";
import { formatBytes, formatCount } from "../fill/format.ts";
import { algorithmOf, type CreateHash } from "../fill/hash.ts";
import type { Done, Store, StoredBlob } from "../fill/store.ts";
import type { Failure } from "../fill/failure.ts";
import { blobUrl } from "../mirrors/template.ts";
import type { Mirror } from "../routing/policy.ts";
import { createFindings, type Finding } from "./finding.ts";

/** A mirror's store. */
export interface StoreToLookAt {
  /** The mirror. */
  readonly mirror: Mirror;
  /** Its store. */
  readonly store: Store;
}

/** How to look at stores. */
export interface LookAtStoresOptions {
  /** Whether to begin an upload, and give it up. */
  readonly write: boolean;
  /** How many blobs of each are fetched from the mirror and hashed. */
  readonly sample: number;
  /** Sends a request, like the platform's `fetch`. */
  readonly fetch: typeof fetch;
  /** Makes a hash. */
  readonly createHash: CreateHash;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Looks at stores, one after another: what is fetched is as large as blobs are. */
export async function findInStores(
  stores: readonly StoreToLookAt[],
  options: LookAtStoresOptions,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const one of stores) {
    const part = formatPath(["mirrors", one.mirror.name, "store"]);
    findings.push(
      ...options.signal.aborted
        ? [createFindings(part).untried("the time was over")]
        : await lookAt(one, part, options),
    );
  }
  return findings;
}

async function lookAt(
  { mirror, store }: StoreToLookAt,
  part: string,
  options: LookAtStoresOptions,
): Promise<Finding[]> {
  const { good, warning, untried } = createFindings(part);
  const { outcome, blobs, isCut } = await listSome(store, options);
  if (outcome.kind === "failed") {
    const advice = `mend ${part}, or what it is asked with`;
    return [warning(`cannot be listed, so it cannot be filled: ${outcome.reason}`, advice)];
  }
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  const findings = [
    isCut
      ? good(`lists more than ${formatCount(blobs.length, "blob")}`)
      : good(`lists ${formatCount(blobs.length, "blob")}, ${formatBytes(bytes)}`),
  ];
  if (!options.write) findings.push(untried("writing was not tried: --write does"));
  else {
    const written = await guarded(() => store.tryWrite(options.signal));
    findings.push(
      written.kind === "done" ? good("lets an upload begin") : warning(
        `cannot be written to: ${written.reason}`,
        `mend ${part}, or let it be written to`,
      ),
    );
  }
  return [...findings, ...await lookAtSample(mirror, blobs, part, options)];
}

// Of a large bucket, the beginning says enough.
const MOST_LISTED = 20_000;

async function listSome(store: Store, { signal }: LookAtStoresOptions) {
  const blobs: StoredBlob[] = [];
  const enough = new AbortController();
  const onBlob = (blob: StoredBlob) => {
    if (blobs.length < MOST_LISTED) blobs.push(blob);
    else enough.abort(new DOMException("enough", "AbortError"));
  };
  const outcome = await guarded(() =>
    store.list({ onBlob, signal: AbortSignal.any([signal, enough.signal]) })
  );
  const isCut = enough.signal.aborted;
  return { outcome: isCut ? { kind: "done" } as const : outcome, blobs, isCut };
}

async function guarded(work: () => Promise<Done | Failure>): Promise<Done | Failure> {
  try {
    return await work();
  } catch (error) {
    return failedBy(error);
  }
}

/** Fetches some of the blobs from the mirror, and hashes them. */
async function lookAtSample(
  mirror: Mirror,
  blobs: readonly StoredBlob[],
  part: string,
  options: LookAtStoresOptions,
): Promise<Finding[]> {
  const { good, bad } = createFindings(part);
  const chosen = choose(blobs, options.sample, options.random);
  if (chosen.length === 0) return [];
  const findings: Finding[] = [];
  for (const blob of chosen) {
    const wrong = await whyWrong(mirror, blob, options);
    if (wrong !== undefined) findings.push(bad(`${blob.digest}: ${wrong.reason}`, wrong.advice));
  }
  const right = chosen.length - findings.length;
  return right === 0
    ? findings
    : [good(`delivers ${right} of ${chosen.length} blobs that were hashed`), ...findings];
}

function choose(
  blobs: readonly StoredBlob[],
  count: number,
  random: () => number,
): readonly StoredBlob[] {
  const rest = [...blobs];
  const chosen: StoredBlob[] = [];
  while (chosen.length < count && rest.length > 0) {
    const at = Math.floor(random() * rest.length);
    chosen.push(rest[at]!);
    rest[at] = rest.at(-1)!;
    rest.pop();
  }
  return chosen;
}

interface Wrong {
  readonly reason: string;
  readonly advice?: string;
}

const REMOVE = "delete the object, and archeio fill writes it anew";
const COMPARE = "do url and store.key lead to the same place?";

async function whyWrong(
  mirror: Mirror,
  { digest, size }: StoredBlob,
  { fetch, createHash, signal }: LookAtStoresOptions,
): Promise<Wrong | undefined> {
  const headers = { "user-agent": "archeio", "accept-encoding": "identity" };
  try {
    const url = blobUrl(mirror, { digest, name: "" });
    const response = await fetch(url, { headers, redirect: "manual", signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { reason: `the mirror answers ${response.status}, the store has it`, advice: COMPARE };
    }
    const hash = createHash(algorithmOf(digest));
    let length = 0;
    for await (const bytes of response.body ?? []) {
      hash.update(bytes);
      length += bytes.length;
    }
    if (`${algorithmOf(digest)}:${hash.hex()}` !== digest) {
      return { reason: "the mirror delivers other bytes", advice: REMOVE };
    }
    return length === size ? undefined : { reason: `the store lists ${size} bytes of ${length}` };
  } catch (error) {
    return { reason: `the mirror breaks off: ${failedBy(error).reason}` };
  }
}
