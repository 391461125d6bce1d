/**
 * The traffic of a busy registry, made from a seed: many blobs of which few are asked for
 * often, many clients of which some are in clouds, some manifests.
 *
 * @module
 */

import { readDataSet } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { type Address, formatAddress, isIpv4 } from "../../lib/net/address.ts";

/** A request. */
export interface Play {
  /** The request target. */
  readonly path: string;
  /** The client's address. */
  readonly client: string;
}

/** Requests to play in a circle, and the blobs that they ask for. */
export interface Traffic {
  /** The requests. */
  readonly plays: readonly Play[];
  /** Whether there is a blob with this digest. */
  readonly has: (digest: string) => boolean;
}

/** The address that a load balancer adds to the client's. */
export const BALANCER = "10.0.0.1";

const BLOBS = 100_000;
const TAGS = 5_000;
const CLIENTS = 10_000;
const SHARE_IN_CLOUDS = 0.1;
const SHARE_OF_MANIFESTS = 0.05;
const PLAYS = 400_000;
const SEED = 20261125;

/** One blob, from one client in a cloud: {@linkcode Traffic} of the smallest kind. */
export function createOneBlob(): Traffic {
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
  return {
    plays: [{ path: `/v2/kube-proxy/blobs/${digest}`, client: "35.180.1.1" }],
    has: (asked) => asked === digest,
  };
}

/** One manifest, by tag, from one client. */
export function createOneManifest(): Traffic {
  return {
    plays: [{ path: "/v2/kube-proxy/manifests/v1.30.0", client: "35.180.1.1" }],
    has: () => false,
  };
}

/**
 * 100,000 blobs and 5,000 tags, each by Zipf's law (the n-th is asked for 1/n as often as the
 * first), from 10,000 clients, half of them with IPv6, a tenth of them in clouds; one request
 * in twenty is for a manifest by tag.
 */
export function createZipfTraffic(): Traffic {
  const random = createRandom(SEED);
  const digests = Array.from({ length: BLOBS }, () => `sha256:${randomHex(random, 64)}`);
  const names = Array.from({ length: 500 }, (_, at) => `team-${at % 20}/app-${at}`);
  const blobs = digests.map((digest) => `/v2/${pick(names, random)}/blobs/${digest}`);
  const manifests = Array.from(
    { length: TAGS },
    (_, at) => `/v2/${pick(names, random)}/manifests/v1.${at}.0`,
  );
  const clients = createClients(random);
  const nextBlob = createZipf(BLOBS, random);
  const nextTag = createZipf(TAGS, random);
  const plays = Array.from({ length: PLAYS }, () => ({
    path: random() < SHARE_OF_MANIFESTS ? manifests[nextTag()]! : blobs[nextBlob()]!,
    client: pick(clients, random),
  }));
  const known = new Set(digests);
  return { plays, has: (digest) => known.has(digest) };
}

function createClients(random: () => number): string[] {
  const prefixes: Address[] = [];
  readDataSet(EMBEDDED, { prefix: (address) => void prefixes.push(address) });
  const ofCloud = [true, false].map((ipv4) => prefixes.filter((one) => isIpv4(one) === ipv4));
  return Array.from({ length: CLIENTS }, (_, at) => {
    const ipv4 = at % 2 === 0;
    if (random() < SHARE_IN_CLOUDS) return formatAddress(pick(ofCloud[ipv4 ? 0 : 1]!, random));
    // Networks of no cloud: 100.64.0.0/10 and 2a02::/16, most of which are access providers.
    return ipv4
      ? `100.${64 + Math.floor(random() * 64)}.${byte(random)}.${byte(random)}`
      : `2a02:${randomHex(random, 4)}:${randomHex(random, 4)}::${randomHex(random, 4)}`;
  });
}

function byte(random: () => number): number {
  return Math.floor(random() * 256);
}

function pick<Value>(values: readonly Value[], random: () => number): Value {
  return values[Math.floor(random() * values.length)]!;
}

function randomHex(random: () => number, length: number): string {
  let hex = "";
  while (hex.length < length) {
    hex += Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0");
  }
  return hex.slice(0, length);
}

// Numbers from 0 to `count - 1`, of which n is 1 / (n + 1) as frequent as 0.
function createZipf(count: number, random: () => number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let at = 0; at < count; at++) sums[at] = sum += 1 / (at + 1);
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = low + high >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

// mulberry32.
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let value = Math.imul(state ^ state >>> 15, 1 | state);
    value = value + Math.imul(value ^ value >>> 7, 61 | value) ^ value;
    return ((value ^ value >>> 14) >>> 0) / 2 ** 32;
  };
}
