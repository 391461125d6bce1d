import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isName } from "../../lib/oci/grammar.ts";
import { parseRequest } from "../../lib/oci/request.ts";
import { decide, type Decision, locationAt } from "../../lib/routing/decide.ts";
import { createPolicy, type Upstream } from "../../lib/routing/policy.ts";
import {
  createRepositories,
  type Repository,
  type RepositoryEntry,
} from "../../lib/routing/repositories.ts";

const MAIN: Upstream = { name: "main", base: "https://main.example/v2/project/", number: 0 };
const EUROPE: Upstream = { name: "europe", base: "https://europe.example/v2/", number: 1 };
const GHCR: Upstream = { name: "ghcr", base: "https://ghcr.example/v2/", number: 2 };
const SIGNATURES: Upstream = { name: "signatures", base: "https://sig.example/v2/", number: 3 };

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const SIGNATURE_TAG = `${DIGEST.replace(":", "-")}.sig`;

Deno.test("createRepositories() finds the most specific pattern, and the name elsewhere", () => {
  const find = createRepositories([
    { pattern: "*", upstream: EUROPE },
    { pattern: "charts/*", upstream: GHCR, as: "acme-charts/*" },
    { pattern: "charts/old/*", as: "archive/*/charts" },
    { pattern: "charts/old/web", as: "web" },
    { pattern: "kube-*", as: "k-*" },
    { pattern: "kube*", as: "k/*" },
    { pattern: "all/*", as: "*" },
  ]);
  const table = [
    { asked: "other", expected: ["*", "europe", "other"] },
    { asked: "charts", expected: ["*", "europe", "charts"] },
    { asked: "chartsmith/web", expected: ["*", "europe", "chartsmith/web"] },
    { asked: "my/charts/web", expected: ["*", "europe", "my/charts/web"] },
    { asked: "charts/web", expected: ["charts/*", "ghcr", "acme-charts/web"] },
    { asked: "charts/a/b", expected: ["charts/*", "ghcr", "acme-charts/a/b"] },
    { asked: "charts/old", expected: ["charts/*", "ghcr", "acme-charts/old"] },
    { asked: "charts/old/a/b", expected: ["charts/old/*", undefined, "archive/a/b/charts"] },
    { asked: "charts/old/web", expected: ["charts/old/web", undefined, "web"] },
    { asked: "charts/old/web/x", expected: ["charts/old/*", undefined, "archive/web/x/charts"] },
    { asked: "kube-proxy", expected: ["kube-*", undefined, "k-proxy"] },
    { asked: "kubelet", expected: ["kube*", undefined, "k/let"] },
    { asked: "all/a/b", expected: ["all/*", undefined, "a/b"] },
    // What the * stands for would make no name there.
    { asked: "kube--x", expected: ["kube-*", undefined, "k--x"] },
    { asked: "kube/a", expected: undefined },
    { asked: "kube", expected: undefined },
  ];
  for (const { asked, expected } of table) {
    for (const _ of ["first", "again"]) {
      const found = find(asked);
      const told = found && [found.pattern, found.upstream?.name, found.name];
      assertEquals(told, expected, asked);
    }
  }
});

Deno.test("createRepositories() finds nothing that no pattern matches", () => {
  const find = createRepositories([{ pattern: "app" }, { pattern: "charts/*" }]);
  for (const name of ["ap", "app/x", "apps", "my/app", "charts", "charts2/x", "constructor"]) {
    assertEquals(find(name), undefined, name);
  }
});

Deno.test("createRepositories() tells names apart that end alike", () => {
  const find = createRepositories([{ pattern: "a*", as: "x*" }, { pattern: "b*", as: "y*" }]);
  for (const _ of ["first", "again"]) {
    assertEquals(find("abcd-efgh")?.name, "xbcd-efgh");
    assertEquals(find("bbcd-efgh")?.name, "ybcd-efgh");
    assertEquals(find("cbcd-efgh"), undefined);
  }
});

Deno.test("createRepositories() finds as much after very many names, and very long ones", () => {
  const find = createRepositories([{ pattern: "a/*", as: "b/*" }]);
  for (let count = 0; count < 2100; count++) find(`a/${count}`);
  assertEquals(find("a/0")?.name, "b/0");
  const long = "x".repeat(5000);
  assertEquals(find(`a/${long}`)?.name, `b/${long}`);
});

/** The same, slowly: every pattern is tried, the longest text before a `*` first. */
function findSlowly(name: string, entries: readonly RepositoryEntry[]): Repository | undefined {
  const [first] = entries
    .filter(({ pattern }) => {
      const escaped = pattern.replaceAll(/[.*-]/g, (sign) => sign === "*" ? "(.*)" : `\\${sign}`);
      return new RegExp(`^${escaped}$`).test(name);
    })
    .sort((one, other) =>
      Number(one.pattern.includes("*")) - Number(other.pattern.includes("*")) ||
      other.pattern.length - one.pattern.length
    );
  if (first === undefined) return undefined;
  const { pattern, upstream, as } = first;
  const rest = pattern.includes("*") ? name.slice(pattern.length - 1) : "";
  const there = as === undefined ? name : as.split("*").join(rest);
  return isName(there) ? { asked: name, pattern, upstream, name: there } : undefined;
}

// Few letters, so that patterns and names meet.
const separator = fc.constantFrom("/", "-", "--", ".", "_", "__");
const anyName = fc.tuple(
  fc.constantFrom("a", "b", "ab"),
  fc.array(fc.tuple(separator, fc.constantFrom("a", "b", "ab")), { maxLength: 4 }),
).map(([first, rest]) => first + rest.flat().join(""));
const hostileName = fc.array(
  fc.constantFrom(
    "a",
    "b",
    "/",
    "..",
    "//",
    "*",
    "-",
    "$&",
    "$1",
    "%2e",
    "@evil.example",
    "__proto__",
  ),
  { maxLength: 6 },
).map((parts) => parts.join(""));
const anyPattern = fc.oneof(
  anyName,
  fc.tuple(anyName, fc.constantFrom("", "/", "-", "_", "__", ".")).map(([name, end]) =>
    `${name}${end}*`
  ),
  fc.constant("*"),
);
const anyEntry: fc.Arbitrary<RepositoryEntry> = fc.tuple(
  anyPattern,
  fc.constantFrom(undefined, EUROPE, GHCR),
  fc.constantFrom(undefined, "x/y", "x-y"),
  fc.constantFrom("x/*", "*/x", "x/*/y", "x-*", "*"),
).map(([pattern, upstream, as, starred]) => ({
  pattern,
  upstream,
  as: as === undefined || !pattern.includes("*") ? as : starred,
}));
const anyEntries = fc.uniqueArray(anyEntry, { maxLength: 12, selector: ({ pattern }) => pattern });

Deno.test("createRepositories() agrees with one that tries every pattern", () => {
  const property = fc.property(
    anyEntries,
    fc.array(fc.oneof(anyName, hostileName.filter((name) => isName(name))), { maxLength: 20 }),
    (entries, names) => {
      const find = createRepositories(entries);
      for (const name of [...names, ...names]) {
        assertEquals(find(name), findSlowly(name, entries), name);
      }
    },
  );
  fc.assert(property, { numRuns: 3000 });
});

function decideFor(path: string, entries: readonly RepositoryEntry[]): Decision {
  const rules = [{ number: 1, clients: ["*"], mirrors: [], upstream: MAIN }];
  const policy = createPolicy({ upstream: MAIN, rules, repositories: entries }, []);
  return decide(parseRequest("GET", path), policy, policy.ruleFor, -1);
}

Deno.test("decide() sends no name, however hostile, anywhere but below its entry's base", () => {
  const property = fc.property(
    anyEntries,
    fc.oneof(anyName, hostileName),
    fc.constantFrom("manifests/v1", `blobs/${DIGEST}`, "tags/list?n=5"),
    (entries, name, rest) => {
      const decision = decideFor(`/v2/${name}/${rest}`, entries);
      if (decision.kind !== "upstream") {
        assert(decision.kind === "error");
        const expected = isName(name) ? 404 : [400, 404];
        assert([expected].flat().includes(decision.status), name);
        return;
      }
      // As it is decoded: `%2e` is a dot.
      const { name: asked } = decision.asked;
      const { pattern, upstream = MAIN, as = asked } = entries.find(({ pattern }) =>
        pattern === findSlowly(asked, entries)?.pattern
      )!;
      const before = as.split("*")[0]!;
      const url = locationAt(decision.upstream, decision.asked, decision.name);
      assertEquals(decision.upstream, upstream, pattern);
      assert(url.startsWith(upstream.base + before), url);
      assertEquals(new URL(url).href, url);
    },
  );
  fc.assert(property, { numRuns: 10_000 });
});

Deno.test("decide() refuses what is in no repository, before it looks for the client", () => {
  const policy = createPolicy({
    upstream: MAIN,
    rules: [
      { number: 1, clients: ["aws/*"], mirrors: [], upstream: EUROPE },
      { number: 2, clients: ["*"], mirrors: [], upstream: MAIN },
    ],
    signatureUpstream: SIGNATURES,
    repositories: [{ pattern: "app" }],
  }, ["aws/a"]);
  const refuse = () => {
    throw new RangeError("the client was looked for");
  };
  for (
    const rest of [
      ...[`blobs/${DIGEST}`, "blobs/blake3:x", "manifests/v1", `manifests/${DIGEST}`],
      ...[`manifests/${SIGNATURE_TAG}`, `referrers/${DIGEST}`, "tags/list"],
    ]
  ) {
    assertEquals(decide(parseRequest("GET", `/v2/apps/${rest}`), policy, refuse, undefined), {
      kind: "error",
      status: 404,
      api: true,
      error: {
        code: "NAME_UNKNOWN",
        message: "this registry has no such repository",
        detail: "apps",
      },
    });
  }
});

Deno.test("decide() lets a rule's upstream stand in for the main one alone, and keeps the rest apart", () => {
  const mirror = { number: 0, name: "m", url: "https://m.example", fallbackLimit: Infinity };
  const policy = createPolicy({
    upstream: MAIN,
    rules: [
      { number: 1, clients: ["aws/*"], mirrors: [mirror], upstream: EUROPE },
      { number: 2, clients: ["*"], mirrors: [], upstream: MAIN },
    ],
    signatureUpstream: SIGNATURES,
    repositories: [
      { pattern: "*", as: "images/*" },
      { pattern: "ext/*", upstream: GHCR, as: "acme/*" },
    ],
  }, ["aws/a"]);
  const at = (location: number, path: string) => {
    const decision = decide(parseRequest("GET", `/v2/${path}`), policy, policy.ruleFor, location);
    assert(decision.kind === "mirror" || decision.kind === "upstream");
    const { asked, name, upstream, signatures, byClient, kind } = decision;
    return [
      kind,
      locationAt(upstream, asked, name),
      signatures && locationAt(signatures, asked, name),
      byClient,
    ];
  };
  const [aws, elsewhere] = [0, -1];
  const table = [
    {
      asked: at(aws, "app/manifests/v1"),
      expected: ["upstream", `${EUROPE.base}images/app/manifests/v1`, undefined, true],
    },
    {
      asked: at(elsewhere, `app/manifests/${DIGEST}`),
      expected: [
        "upstream",
        `${MAIN.base}images/app/manifests/${DIGEST}`,
        `${SIGNATURES.base}images/app/manifests/${DIGEST}`,
        true,
      ],
    },
    {
      asked: at(aws, `app/manifests/${SIGNATURE_TAG}`),
      expected: [
        "upstream",
        `${SIGNATURES.base}images/app/manifests/${SIGNATURE_TAG}`,
        undefined,
        false,
      ],
    },
    {
      asked: at(aws, "ext/app/manifests/v1"),
      expected: ["upstream", `${GHCR.base}acme/app/manifests/v1`, undefined, false],
    },
    {
      asked: at(aws, `ext/app/manifests/${DIGEST}`),
      expected: ["upstream", `${GHCR.base}acme/app/manifests/${DIGEST}`, undefined, false],
    },
    {
      asked: at(aws, `ext/app/referrers/${DIGEST}`),
      expected: ["upstream", `${GHCR.base}acme/app/referrers/${DIGEST}`, undefined, false],
    },
    {
      asked: at(aws, `ext/app/manifests/${SIGNATURE_TAG}`),
      expected: ["upstream", `${GHCR.base}acme/app/manifests/${SIGNATURE_TAG}`, undefined, false],
    },
    // Which mirror has a blob does not depend on where its repository is.
    {
      asked: at(aws, `ext/app/blobs/${DIGEST}`),
      expected: ["mirror", `${GHCR.base}acme/app/blobs/${DIGEST}`, undefined, true],
    },
    {
      asked: at(elsewhere, `ext/app/blobs/${DIGEST}`),
      expected: ["upstream", `${GHCR.base}acme/app/blobs/${DIGEST}`, undefined, true],
    },
  ];
  for (const { asked, expected } of table) assertEquals(asked, expected);
});
