import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatDataSet, type ProviderRanges } from "../../lib/locations/data_set.ts";
import { compareDataSets, isLossy, type ProviderChange } from "../../lib/locations/update.ts";
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

function change(lost: number, before: number): ProviderChange {
  return { provider: "aws", added: [], removed: [], lost, before };
}

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
    assertEquals(compareDataSets(text, [asked]), [{ provider: "aws", ...expected, before: 4 }]);
  }
});

Deno.test("compareDataSets() keeps the providers apart", () => {
  const gcp = ranges("gcp", { "gcp/europe-west9": ["203.0.113.0/24"] });
  const azure = ranges("azure", { "azure/westeurope": ["198.51.100.0/24"] });
  const text = formatDataSet([OLD, gcp]);
  const unchanged = { added: [], removed: [], lost: 0 };
  assertEquals(compareDataSets(text, [OLD, gcp, azure]), [
    { provider: "aws", ...unchanged, before: 4 },
    { provider: "gcp", ...unchanged, before: 1 },
    {
      provider: "azure",
      added: ["azure/westeurope 198.51.100.0/24"],
      removed: [],
      lost: 0,
      before: 0,
    },
  ]);
});

Deno.test("compareDataSets() takes an empty data set", () => {
  const [change] = compareDataSets("", [OLD]);
  assertEquals(change!.added.length, 4);
  assertEquals(change!.before, 0);
  assert(!isLossy(change!));
});

Deno.test("isLossy() allows the loss of a tenth, and of nothing more", () => {
  const table = [
    { asked: change(0, 0), expected: false },
    { asked: change(0, 1), expected: false },
    { asked: change(1, 1), expected: true },
    { asked: change(1, 9), expected: true },
    { asked: change(1, 10), expected: false },
    { asked: change(2, 10), expected: true },
    { asked: change(1, 11), expected: false },
    { asked: change(1076, 10762), expected: false },
    { asked: change(1077, 10762), expected: true },
  ];
  for (const { asked, expected } of table) {
    assertEquals(isLossy(asked), expected, `${asked.lost} of ${asked.before}`);
  }
  fc.assert(fc.property(fc.nat(1_000_000), (tenth) => {
    assert(!isLossy(change(tenth, tenth * 10)));
    assert(isLossy(change(tenth + 1, tenth * 10)));
  }));
});
