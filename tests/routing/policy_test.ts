import { assertEquals, assertStrictEquals } from "@std/assert";
import { createPolicy, type Rule, type Upstream } from "../../lib/routing/policy.ts";

const MAIN: Upstream = { name: "main", base: "https://main.example/v2/project/", number: 0 };
const OTHER: Upstream = { name: "other", base: "https://other.example/v2/", number: 1 };
const LOCATIONS = ["aws/eu-west-3", "aws/us-east-1", "gcp/europe-west9", "office/berlin"];

function rule(number: number, clients: string[], upstream = MAIN): Rule {
  const url = `https://mirror-${number}.example`;
  const mirror = { name: `mirror-${number}`, url, number: number - 1, fallbackLimit: Infinity };
  return { number, clients, mirrors: [mirror], upstream };
}

/** The number of the rule for each location, the last for clients without one. */
function numbersOf(rules: readonly Rule[]): number[] {
  const policy = createPolicy({ upstream: MAIN, rules }, LOCATIONS);
  return [0, 1, 2, 3, -1].map((location) => policy.ruleFor(location).number);
}

Deno.test("ruleFor() gives the first rule that matches", () => {
  const table = [
    {
      rules: [rule(1, ["gcp/*"]), rule(2, ["aws/eu-west-3"]), rule(3, ["*"])],
      expected: [2, 3, 1, 3, 3],
    },
    { rules: [rule(1, ["*"]), rule(2, ["aws/eu-west-3"])], expected: [1, 1, 1, 1, 1] },
    { rules: [rule(1, ["aws/*"]), rule(2, ["aws/eu-west-3"])], expected: [1, 1, 0, 0, 0] },
    { rules: [rule(1, ["aws/eu-west-3"]), rule(2, ["aws/*"])], expected: [1, 2, 0, 0, 0] },
    { rules: [rule(1, ["gcp/*", "office/berlin"])], expected: [0, 0, 1, 1, 0] },
    { rules: [rule(1, ["azure/*"])], expected: [0, 0, 0, 0, 0] },
    { rules: [rule(1, ["*/eu*-*"]), rule(2, ["*/*"])], expected: [1, 2, 1, 2, 0] },
    { rules: [rule(1, [])], expected: [0, 0, 0, 0, 0] },
    { rules: [], expected: [0, 0, 0, 0, 0] },
  ];
  for (const { rules, expected } of table) assertEquals(numbersOf(rules), expected);
});

Deno.test("ruleFor() gives a rule without mirrors when none matches", () => {
  const policy = createPolicy({ upstream: MAIN, rules: [rule(1, ["aws/*"], OTHER)] }, LOCATIONS);
  assertEquals(policy.ruleFor(2), { number: 0, clients: [], mirrors: [], upstream: MAIN });
  assertStrictEquals(policy.ruleFor(-1), policy.ruleFor(2));
});

Deno.test("ruleFor() gives a location that is not in the list the rule of one that has none", () => {
  const rules = [rule(1, ["aws/*"]), rule(2, ["*"])];
  const policy = createPolicy({ upstream: MAIN, rules }, LOCATIONS);
  assertEquals(policy.ruleFor(LOCATIONS.length).number, 2);
});

Deno.test("upstreamVaries tells whether clients of two locations have two upstreams", () => {
  const table = [
    { rules: [], expected: false },
    { rules: [rule(1, ["*"])], expected: false },
    { rules: [rule(1, ["*"], OTHER)], expected: false },
    { rules: [rule(1, ["aws/*"]), rule(2, ["*"], OTHER)], expected: true },
    { rules: [rule(1, ["aws/*"], OTHER)], expected: true },
    { rules: [rule(1, ["aws/*"], OTHER), rule(2, ["*"], OTHER)], expected: false },
    // Rules that no client's location leads to.
    { rules: [rule(1, ["*"]), rule(2, ["aws/*"], OTHER)], expected: false },
    { rules: [rule(1, ["azure/*"], OTHER)], expected: false },
  ];
  for (const { rules, expected } of table) {
    const policy = createPolicy({ upstream: MAIN, rules }, LOCATIONS);
    assertEquals(policy.upstreamVaries, expected, JSON.stringify(rules));
  }
});

Deno.test("mirrorsVary tells whether clients of two locations have two lists of mirrors", () => {
  const [one, two] = [rule(1, ["aws/*"]), rule(2, ["*"])];
  const [first, second] = [one.mirrors[0]!, two.mirrors[0]!];
  const table = [
    { rules: [], expected: false },
    { rules: [two], expected: false },
    { rules: [one], expected: true },
    { rules: [one, two], expected: true },
    { rules: [{ ...one, mirrors: [second] }, two], expected: false },
    {
      rules: [{ ...one, mirrors: [first, second] }, { ...two, mirrors: [second, first] }],
      expected: true,
    },
    { rules: [{ ...one, mirrors: [first, second] }, { ...two, mirrors: [first] }], expected: true },
    { rules: [{ ...one, mirrors: [] }, { ...two, mirrors: [] }], expected: false },
    { rules: [{ ...one, mirrors: [] }], expected: false },
    // Rules that no client's location leads to.
    { rules: [two, one], expected: false },
    { rules: [rule(1, ["azure/*"])], expected: false },
  ];
  for (const { rules, expected } of table) {
    const policy = createPolicy({ upstream: MAIN, rules }, LOCATIONS);
    assertEquals(policy.mirrorsVary, expected, JSON.stringify(rules));
  }
});

Deno.test("createPolicy() keeps the parts that it is made of", () => {
  const parts = {
    infoPage: "https://info.example",
    privacyPage: "https://privacy.example",
    upstream: MAIN,
    signatureUpstream: OTHER,
    rules: [rule(1, ["*"])],
  };
  const policy = createPolicy(parts, LOCATIONS);
  assertEquals(policy, {
    findRepository: undefined,
    ...parts,
    mirrorsVary: false,
    upstreamVaries: false,
    unlocated: parts.rules[0]!,
    ruleFor: policy.ruleFor,
  });
});
