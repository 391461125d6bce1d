import { assertEquals } from "@std/assert";
import { configOf, mistakesOf } from "./fixture.ts";

const S3 = { endpoint: "https://s3.example", region: "eu-west-3", bucket: "blobs" };
const URL = "https://blobs.example/images";
const KEY =
  "a key with {digest}, or with {hex} and, if wanted, {algorithm} and {hex:2}; no other " +
  "braces, no slash at its beginning, no . or .. between slashes";
const TAGS = 'a pattern of tags such as "v1.*", { newest: 10 } or { semver: ">=1.28" }';

type Mirror = Readonly<Record<string, unknown>>;

function textOf(mirrors: Readonly<Record<string, Mirror>>, more: object = {}): string {
  return JSON.stringify({
    upstreams: { main: { endpoint: "https://registry.example" } },
    mirrors,
    rules: [{ clients: ["*"], mirrors: Object.keys(mirrors) }],
    ...more,
  });
}

function withStore(store: unknown, url = URL): string {
  return textOf({ one: { url, store } });
}

function withFill(fill: unknown, more: object = {}): string {
  return textOf({}, { fill, ...more });
}

Deno.test("readConfig() reads stores and what is filled as the documentation has them", () => {
  const { mirrors, fill } = configOf(textOf({
    s3: { url: URL, store: { s3: S3, key: "images/{digest}" } },
    folder: { url: "https://folder.example", store: { folder: "/srv/blobs" } },
    none: { url: "https://none.example" },
  }, { fill: { repositories: ["app", "charts/*"], tags: ["*", { newest: 10 }] } }));
  assertEquals(
    mirrors.s3!.store,
    { s3: { ...S3, style: "path" }, key: "images/{digest}" } as never,
  );
  assertEquals(mirrors.folder!.store, { folder: "/srv/blobs" } as never);
  assertEquals(mirrors.none!.store, undefined);
  assertEquals(fill, {
    repositories: ["app", "charts/*"],
    tags: ["*", { newest: 10 }],
    referrers: true,
    limits: { in_flight: 16, requests_per_s: 80, bytes_per_s: null },
  } as never);
  assertEquals(configOf(textOf({})).fill, undefined);
});

Deno.test("a store is a bucket or a folder, with a key that has the whole digest", () => {
  const table: { store: unknown; path?: string; found?: unknown; allowed?: string }[] = [
    { store: { s3: { ...S3, style: "virtual", expected_owner: "123456789012" } } },
    { store: { folder: "/srv", key: "{algorithm}/{hex:2}/{hex}/data" } },
    { store: {}, path: "", allowed: "a mapping with either s3 or folder" },
    { store: { key: "{digest}" }, path: "", allowed: "a mapping with either s3 or folder" },
    {
      store: { s3: S3, folder: "/srv" },
      path: "",
      found: { s3: { ...S3, style: "path" }, folder: "/srv" },
      allowed: "a mapping with either s3 or folder",
    },
    { store: { folder: "" }, path: ".folder", found: "", allowed: "a folder's path" },
    { store: { folder: 5 }, path: ".folder", found: 5, allowed: "a folder's path" },
    {
      store: { folder: "/srv", key: { digest: null } },
      path: ".key",
      found: { digest: null },
      allowed: `${KEY}, in quotes`,
    },
    ...["{hex:2}", "", "/{digest}", "a/../{digest}", "a//{digest}", "{digest}}", "é\0{hex}"].map(
      (key) => ({ store: { folder: "/srv", key }, path: ".key", found: key, allowed: KEY }),
    ),
    {
      store: { folder: "/srv", key: "{name}/{digest}" },
      path: ".key",
      found: "{name}/{digest}",
      allowed: `${KEY}; {name} is none`,
    },
    {
      store: { folder: "/srv", key: "a/{digets}" },
      path: ".key",
      found: "a/{digets}",
      allowed: `${KEY}; {digets} is none; did you mean digest?`,
    },
    {
      store: { s3: { ...S3, bucket: "Blobs" } },
      path: ".s3.bucket",
      found: "Blobs",
      allowed: "a bucket's name: 3 to 63 of a-z, 0-9, . and -",
    },
    {
      store: { s3: { ...S3, style: "paht" } },
      path: ".s3.style",
      found: "paht",
      allowed: "one of path, virtual; did you mean path?",
    },
    {
      store: { s3: { ...S3, expected_owner: 123456789012 } },
      path: ".s3.expected_owner",
      found: 123456789012,
      allowed: "an account's id of 12 digits, in quotes",
    },
  ];
  for (const { store, path, found = store, allowed } of table) {
    const expected = path === undefined
      ? []
      : [`mirrors.one.store${path}: found ${JSON.stringify(found).slice(0, 80)}`];
    const mistakes = mistakesOf(withStore(store));
    assertEquals(mistakes.map((line) => line.replace(/…?; allowed: .*/, "")), expected);
    if (allowed !== undefined) assertEquals(mistakes[0]!.replace(/.*?; allowed: /, ""), allowed);
  }
});

Deno.test("a mirror whose URL has the repository's name has no store", () => {
  assertEquals(mistakesOf(withStore({ folder: "/srv" }, "https://a.example/{name}/{digest}")), [
    'mirrors.one.store: found {"folder":"/srv"}; allowed: none, as url has {name}: a store has ' +
    "each blob once",
  ]);
});

Deno.test("a store without a key needs a URL whose path can be one", () => {
  assertEquals(mistakesOf(withStore({ folder: "/srv" }, "https://a.example/a//b")), [
    'mirrors.one.store: found {"folder":"/srv"}; allowed: one with a key, as the path of url can ' +
    "be none",
  ]);
  assertEquals(
    mistakesOf(withStore({ folder: "/srv", key: "{digest}" }, "https://a.example/a//b")),
    [],
  );
});

Deno.test("two mirrors with one store are a mistake", () => {
  const other = "https://other.example/images";
  const same = (store: unknown) =>
    mistakesOf(textOf({ one: { url: URL, store }, two: { url: other, store } })).map((line) =>
      line.replace(/.*; allowed: /, "")
    );
  const expected = ["a store of its own, or none; mirrors.one.store is the same"];
  assertEquals(same({ folder: "/srv/" }), expected);
  assertEquals(same({ s3: S3 }), expected);
  assertEquals(
    mistakesOf(textOf({
      one: { url: URL, store: { s3: S3 } },
      two: { url: other, store: { s3: { ...S3, bucket: "others" } } },
      three: { url: "https://third.example", store: { s3: S3 } },
    })),
    [],
  );
});

Deno.test("what is filled must be among the repositories that there are", () => {
  const repositories = { app: {}, "charts/*": {} };
  const allowed = "names and patterns of repositories: app, charts/*";
  const table = [
    { filled: ["app", "charts/*", "charts/web", "char*", "*"], expected: [] },
    {
      filled: ["other", "ap", "chart/x"],
      expected: [
        `fill.repositories[0]: found "other"; allowed: ${allowed}`,
        `fill.repositories[1]: found "ap"; allowed: ${allowed}; did you mean app?`,
        `fill.repositories[2]: found "chart/x"; allowed: ${allowed}; did you mean charts/*?`,
      ],
    },
  ];
  for (const { filled, expected } of table) {
    assertEquals(mistakesOf(withFill({ repositories: filled }, { repositories })), expected);
    assertEquals(mistakesOf(withFill({ repositories: filled })), []);
  }
});

Deno.test("tags and limits are told what they may be", () => {
  const table = [
    {
      fill: {},
      path: "repositories",
      found: "nothing",
      allowed: "a list of repositories' names and patterns",
    },
    {
      fill: { repositories: [] },
      path: "repositories",
      found: "[]",
      allowed: "at least one repository's name or pattern",
    },
    { fill: { tags: [] }, path: "tags", found: "[]", allowed: `at least one of ${TAGS}` },
    ...[{ newest: 0 }, { semver: "x.y.z.k" }, "a b", { newest: 1, semver: "1" }, 5, null].map((
      tag,
    ) => ({
      fill: { tags: [tag] },
      path: "tags[0]",
      found: JSON.stringify(tag),
      allowed: TAGS,
    })),
    {
      fill: { limits: { in_flight: 0 } },
      path: "limits.in_flight",
      found: "0",
      allowed: "an integer from 1 to 1000",
    },
    {
      fill: { limits: { requests_per_s: 0 } },
      path: "limits.requests_per_s",
      found: "0",
      allowed: "a number from 0.01 to 100000",
    },
    {
      fill: { limits: { bytes_per_s: 1.5 } },
      path: "limits.bytes_per_s",
      found: "1.5",
      allowed: "an integer from 1000 to 1000000000000, or null for no limit",
    },
    { fill: { referrers: "yes" }, path: "referrers", found: '"yes"', allowed: "true or false" },
    { fill: { state: "" }, path: "state", found: '""', allowed: "a folder's path" },
  ];
  for (const { fill, path, found, allowed } of table) {
    const whole = path === "repositories" ? fill : { repositories: ["app"], ...fill };
    assertEquals(mistakesOf(withFill(whole)), [
      `fill.${path}: found ${found}; allowed: ${allowed}`,
    ]);
  }
  const good = {
    repositories: ["*"],
    tags: ["v1.*", { newest: 3 }, { semver: ">=1.28 <2" }],
    limits: { in_flight: 1, requests_per_s: 0.5, bytes_per_s: 1000 },
  };
  assertEquals(mistakesOf(withFill(good)), []);
});
