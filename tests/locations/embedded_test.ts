/**
 * The embedded data against a slow reference, at the edges of prefixes of every provider, where
 * a lookup that is wrong by one address shows.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { createLocator } from "../../lib/locations/locator.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { createRandom } from "../model/random.ts";

/** An address as a number, and the number of its bits. */
interface Whole {
  readonly value: bigint;
  readonly bits: 32 | 128;
}

interface Line extends Whole {
  readonly length: number;
  readonly location: string;
  readonly prefix: string;
}

function toWhole(text: string): Whole {
  if (!text.includes(":")) {
    const value = text.split(".").reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
    return { value, bits: 32 };
  }
  const [head = [], tail = []] = text.split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  const groups = [...head, ...zeros, ...tail];
  return {
    value: groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n),
    bits: 128,
  };
}

function toText({ value, bits }: Whole): string {
  const [size, base] = bits === 32 ? [8n, 10] : [16n, 16];
  const parts: string[] = [];
  for (let shift = BigInt(bits) - size; shift >= 0n; shift -= size) {
    parts.push((value >> shift & (1n << size) - 1n).toString(base));
  }
  return parts.join(bits === 32 ? "." : ":");
}

/** The lines of the data set, read without the program's readers. */
function readLines(): Line[] {
  const lines: Line[] = [];
  let location = "";
  for (const line of EMBEDDED.split("\n")) {
    const [, name] = /^location (.*)$/.exec(line) ?? [];
    const [, address, length] = /^([\da-f.:]+)\/(\d+)$/.exec(line) ?? [];
    if (name !== undefined) location = name;
    if (address === undefined) continue;
    lines.push({ ...toWhole(address), length: Number(length), location, prefix: line });
  }
  return lines;
}

/** Finds the longest prefix by trying every length, the longest first. */
function createReference(lines: readonly Line[]) {
  const key = ({ value, bits }: Whole, length: number) =>
    `${bits} ${length} ${value >> BigInt(bits - length)}`;
  const byKey = new Map(lines.map((line) => [key(line, line.length), line]));
  assertEquals(byKey.size, lines.length, "each prefix stands in the data set once");
  return (address: Whole): Line | undefined => {
    for (let length: number = address.bits; length >= 0; length--) {
      const line = byKey.get(key(address, length));
      if (line !== undefined) return line;
    }
    return undefined;
  };
}

/** The first and the last address of a prefix, and those before and after. */
function edgesOf({ value, bits, length }: Line): Whole[] {
  const end = value + (1n << BigInt(bits - length));
  return [value - 1n, value, end - 1n, end]
    .filter((edge) => edge >= 0n && edge < 1n << BigInt(bits))
    .map((value) => ({ value, bits }));
}

const ADDRESSES = 20_000;

Deno.test("locate() and explain() equal the reference at edges of prefixes of every provider", () => {
  const seed = Date.now() % 1_000_000;
  const random = createRandom(seed);
  const lines = readLines();
  const reference = createReference(lines);
  const locator = createLocator(EMBEDDED);
  for (const { name } of PROVIDERS) {
    const own = lines.filter(({ location }) => location.startsWith(`${name}/`));
    assert(own.length > 0, name);
    for (let asked = 0; asked < ADDRESSES / PROVIDERS.length;) {
      for (const edge of edgesOf(own[Math.floor(random() * own.length)]!)) {
        asked++;
        const expected = reference(edge);
        const text = toText(edge);
        const address = parseAddress(text);
        const what = `${text}, seed ${seed}`;
        assertEquals(locator.locations[locator.locate(address)], expected?.location, what);
        assertEquals(locator.explain(address)?.prefix, expected?.prefix, what);
      }
    }
  }
});

Deno.test("the embedded data has every provider, and names regions as the providers do", () => {
  const locations = createLocator(EMBEDDED).locations;
  const expected = [
    "aws/eu-west-3",
    "gcp/europe-west9",
    "azure/westeurope",
    "oracle/eu-frankfurt-1",
    "digitalocean/us-santa-clara",
    "linode/de-frankfurt",
    "vultr/jp-shinagawa-ku",
    "exoscale/de-fra-1",
  ];
  for (const location of expected) assert(locations.includes(location), location);
  assertEquals(PROVIDERS.map(({ name }) => name), expected.map((name) => name.split("/")[0]));
});
