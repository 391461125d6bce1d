import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatDataSet, type ProviderRanges } from "../../lib/locations/data_set.ts";
import {
  compareDataSets,
  type Extent,
  findExcess,
  type ProviderChange,
} from "../../lib/locations/update.ts";
import { parsePrefix } from "../../lib/net/prefix.ts";

function ranges(provider: string, locations: Record<string, string[]>): ProviderRanges {
  const entries = Object.entries(locations)
    .map(([location, texts]) => [location, texts.map(parsePrefix)] as const);
  const source = `https://${provider}.example/`;
  return { provider, source, date: "2026-07-29", locations: new Map(entries) };
}

const OLD = ranges("aws", {
  "aws/eu-west-3": ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"],
  "aws/us-east-1": ["192.0.2.0/24"],
});

/** A change between extents; what is not given is the same before and after. */
function change(
  { lost = 0, before = {}, after = {} }: {
    readonly lost?: number;
    readonly before?: Partial<Extent>;
    readonly after?: Partial<Extent>;
  },
): ProviderChange {
  const old = { prefixes: 100, ipv4: 2 ** 20, ipv6: 2 ** 16, ...before };
  return {
    provider: "aws",
    added: [],
    removed: [],
    lost,
    before: old,
    after: { ...old, ...after },
  };
}

const lossOf = (lost: number, prefixes: number) => change({ lost, before: { prefixes } });
const NONE: Extent = { prefixes: 0, ipv4: 0, ipv6: 0 };
// 10.0.0.0/8, 10.1.0.0/16, 192.0.2.0/24 and 2001:db8::/32.
const OLD_EXTENT: Extent = { prefixes: 4, ipv4: 2 ** 24 + 2 ** 16 + 2 ** 8, ipv6: 2 ** 16 };

Deno.test("compareDataSets() says what is added, removed and lost", () => {
  const nothing = { added: [], removed: [], lost: 0 };
  const table = [
    { asked: OLD, expected: nothing },
    {
      asked: ranges("aws", {
        "aws/eu-west-3": ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"],
        "aws/us-east-1": ["192.0.2.0/24"],
        "aws/us-east-2": ["198.51.100.0/24"],
      }),
      expected: { ...nothing, added: ["aws/us-east-2 198.51.100.0/24"] },
    },
    {
      asked: ranges("aws", { "aws/eu-west-3": ["10.0.0.0/8", "2001:db8::/32"] }),
      expected: {
        added: [],
        removed: ["aws/eu-west-3 10.1.0.0/16", "aws/us-east-1 192.0.2.0/24"],
        lost: 2,
      },
    },
    {
      // A prefix that has moved is no loss.
      asked: ranges("aws", {
        "aws/eu-west-3": ["10.0.0.0/8", "2001:db8::/32"],
        "aws/us-east-1": ["192.0.2.0/24", "10.1.0.0/16"],
      }),
      expected: {
        added: ["aws/us-east-1 10.1.0.0/16"],
        removed: ["aws/eu-west-3 10.1.0.0/16"],
        lost: 0,
      },
    },
    {
      // One of another length is another.
      asked: ranges("aws", {
        "aws/eu-west-3": ["10.0.0.0/9", "10.1.0.0/16", "2001:db8::/32"],
        "aws/us-east-1": ["192.0.2.0/24"],
      }),
      expected: {
        added: ["aws/eu-west-3 10.0.0.0/9"],
        removed: ["aws/eu-west-3 10.0.0.0/8"],
        lost: 1,
      },
    },
  ];
  const text = formatDataSet([OLD]);
  for (const { asked, expected } of table) {
    const [{ after, ...change }, ...rest] = compareDataSets(text, [asked]) as [ProviderChange];
    assertEquals(change, { provider: "aws", ...expected, before: OLD_EXTENT });
    assertEquals(rest, []);
    const [same] = compareDataSets(formatDataSet([asked]), [asked]);
    assertEquals(same, { provider: "aws", ...nothing, before: after, after });
  }
});

Deno.test("compareDataSets() keeps the providers apart", () => {
  const gcp = ranges("gcp", { "gcp/europe-west9": ["203.0.113.0/24"] });
  const azure = ranges("azure", { "azure/westeurope": ["198.51.100.0/24"] });
  const text = formatDataSet([OLD, gcp]);
  const unchanged = { added: [], removed: [], lost: 0 };
  const one: Extent = { prefixes: 1, ipv4: 256, ipv6: 0 };
  assertEquals(compareDataSets(text, [OLD, gcp, azure]), [
    { provider: "aws", ...unchanged, before: OLD_EXTENT, after: OLD_EXTENT },
    { provider: "gcp", ...unchanged, before: one, after: one },
    {
      provider: "azure",
      added: ["azure/westeurope 198.51.100.0/24"],
      removed: [],
      lost: 0,
      before: NONE,
      after: one,
    },
  ]);
});

Deno.test("compareDataSets() takes an empty data set", () => {
  const [change] = compareDataSets("", [OLD]);
  assertEquals(change!.added.length, 4);
  assertEquals(change!.before, NONE);
  assertEquals(findExcess(change!), []);
});

Deno.test("findExcess() allows the loss of a tenth, and of nothing more", () => {
  const table = [
    { asked: lossOf(0, 1), expected: false },
    { asked: lossOf(1, 1), expected: true },
    { asked: lossOf(1, 9), expected: true },
    { asked: lossOf(1, 10), expected: false },
    { asked: lossOf(2, 10), expected: true },
    { asked: lossOf(1, 11), expected: false },
    { asked: lossOf(1076, 10762), expected: false },
    { asked: lossOf(1077, 10762), expected: true },
  ];
  for (const { asked, expected } of table) {
    const { lost, before: { prefixes } } = asked;
    const reason = `it has lost ${lost} of ${prefixes} prefixes; allowed: at most a tenth`;
    assertEquals(findExcess(asked), expected ? [{ reason, allowance: "loss" }] : []);
  }
  fc.assert(fc.property(fc.integer({ min: 1, max: 1_000_000 }), (tenth) => {
    assertEquals(findExcess(lossOf(tenth, tenth * 10)).length, 0);
    assertEquals(findExcess(lossOf(tenth + 1, tenth * 10)).length, 1);
  }));
});

Deno.test("findExcess() allows growth to twice as much and a little more, and no further", () => {
  const table: { asked: ProviderChange; expected: string | undefined }[] = [
    { asked: change({ after: { prefixes: 1200 } }), expected: undefined },
    {
      asked: change({ after: { prefixes: 1201 } }),
      expected: "from 100 to 1201 prefixes; allowed: at most 1200",
    },
    { asked: change({ after: { ipv4: 2 ** 21 + 2 ** 22 } }), expected: undefined },
    {
      asked: change({ after: { ipv4: 2 ** 21 + 2 ** 22 + 1 } }),
      expected: "from 1048576 to 6291457 IPv4 addresses; allowed: at most 6291456",
    },
    { asked: change({ after: { ipv6: 2 ** 17 + 2 ** 20 } }), expected: undefined },
    {
      asked: change({ after: { ipv6: 2 ** 17 + 2 ** 20 + 1 } }),
      expected: "from 65536 to 1179649 IPv6 networks of length 48; allowed: at most 1179648",
    },
    {
      asked: change({ before: NONE, after: { prefixes: 1e6, ipv4: 2 ** 31 } }),
      expected: undefined,
    },
  ];
  for (const { asked, expected } of table) {
    const reason = `it has grown ${expected}`;
    assertEquals(
      findExcess(asked),
      expected === undefined ? [] : [{ reason, allowance: "growth" }],
    );
  }
});

Deno.test("findExcess() tells of loss and growth both", () => {
  const both = change({ lost: 100, after: { prefixes: 5000, ipv4: 2 ** 30 } });
  assertEquals(findExcess(both).map(({ allowance }) => allowance), ["loss", "growth"]);
});
