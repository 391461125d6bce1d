import { assertEquals } from "@std/assert";
import { json, look, REFUSED, type Reply } from "./fixture.ts";

const UNKNOWN = `sha256:${"8000".repeat(16)}`;
const BASE = "https://blobs.example/images";
const [ONE, TWO] = ["1", "2"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];

const CONFIG = `
upstreams: { main: { endpoint: https://registry.example } }
repositories: { app: {} }
mirrors: { cdn: { url: "${BASE}" } }
rules: [{ clients: ["*"], mirrors: [cdn] }]
`;

// An image of two blobs.
const UPSTREAM: Readonly<Record<string, Reply>> = {
  "GET https://registry.example/v2/": 200,
  "GET https://registry.example/v2/app/tags/list": json({ tags: ["1"] }),
  "GET https://registry.example/v2/app/manifests/1": json({
    config: { digest: ONE },
    layers: [{ digest: TWO }],
  }),
};

async function lookAtMirror(answers: Readonly<Record<string, Reply>>, config = CONFIG) {
  const all = { ...UPSTREAM, ...answers };
  const { findings } = await look(config, (question) => all[question]);
  return findings.filter(({ part }) => part.startsWith("mirrors."))
    .map(({ part, verdict, found, advice }) =>
      `${part} ${verdict}: ${found}${advice === undefined ? "" : ` → ${advice}`}`
    );
}

const HEAD = `HEAD ${BASE}/${UNKNOWN}`;
const GET = `GET ${BASE}/${UNKNOWN}`;
const HAS_NONE =
  "mirrors.cdn warning: has none of 2 blobs that were tried → fill it, or mend url " +
  "in mirrors.cdn";
const HAS_ALL = "mirrors.cdn bad: answers 200 for a blob that nobody has, so it counts as down → " +
  "mend url in mirrors.cdn, or let it answer 404 to what it does not have";

Deno.test("check says what a mirror needs", async (t) => {
  const one = { [`HEAD ${BASE}/${ONE}`]: 200 };
  const first = `GET ${BASE}/${ONE}`;
  const table: { what: string; answers: Record<string, Reply>; expected: string }[] = [
    {
      what: "has the blobs",
      answers: { ...one, [`HEAD ${BASE}/${TWO}`]: 200, [first]: { status: 206, body: "a" } },
      expected: "mirrors.cdn good: answers 404 for a blob that nobody has; has 2 of 2 blobs that " +
        "were tried",
    },
    {
      what: "may not be listed, as S3",
      answers: { ...one, [HEAD]: 403, [GET]: 403, [first]: { status: 206, body: "a" } },
      expected: "mirrors.cdn good: answers 403 for a blob that nobody has; has 1 of 2 blobs that " +
        "were tried",
    },
    { what: "is empty", answers: {}, expected: HAS_NONE },
    {
      what: "passes over Range",
      answers: { ...one, [first]: { status: 200, body: "all" } },
      expected:
        "mirrors.cdn warning: passes over Range (status 200), so clients that go on begin " +
        "anew; has 1 of 2 blobs that were tried",
    },
    {
      what: "does not deliver",
      answers: { ...one, [first]: 403 },
      expected: "mirrors.cdn bad: says that it has a blob, and does not deliver it: status 403",
    },
    { what: "says 200 to everything", answers: { [HEAD]: 200 }, expected: HAS_ALL },
    { what: "says 200 to every GET", answers: { [GET]: { body: "Welcome" } }, expected: HAS_ALL },
    {
      what: "redirects everything",
      answers: {
        [HEAD]: { status: 301, headers: { location: `https://new.example/blobs/${UNKNOWN}?a=b` } },
      },
      expected:
        "mirrors.cdn bad: redirects every blob (301) to https://new.example, which archeio " +
        "does not follow → write url: https://new.example/blobs in mirrors.cdn",
    },
    {
      what: "redirects everything to one page",
      answers: { [HEAD]: { status: 302, headers: { location: "https://new.example/login" } } },
      expected:
        "mirrors.cdn bad: redirects every blob (302) to https://new.example, which archeio " +
        "does not follow → write the URL that blobs have there in mirrors.cdn",
    },
    ...["/elsewhere", "file:///etc/passwd", `https://new.example/${"a".repeat(2000)}`].map(
      (location) => ({
        what: `redirects to ${location.slice(0, 30)}`,
        answers: { [HEAD]: { status: 308, headers: { location } } },
        expected: "mirrors.cdn bad: redirects every blob (308), which archeio does not follow → " +
          "write the URL that blobs have there in mirrors.cdn",
      }),
    ),
    {
      what: "redirects without saying where",
      answers: { [HEAD]: 307 },
      expected: "mirrors.cdn bad: redirects every blob (307), which archeio does not follow → " +
        "write the URL that blobs have there in mirrors.cdn",
    },
    {
      what: "has no bucket, as S3 says it",
      answers: { [GET]: { status: 404, body: "<Error><Code>NoSuchBucket</Code></Error>" } },
      expected:
        "mirrors.cdn bad: has no bucket: whoever creates one of that name decides what it " +
        "serves → create the bucket, or mend url in mirrors.cdn",
    },
    {
      what: "has no container, as Azure says it",
      answers: { [GET]: { status: 404, headers: { "x-ms-error-code": "ContainerNotFound" } } },
      expected:
        "mirrors.cdn bad: has no bucket: whoever creates one of that name decides what it " +
        "serves → create the bucket, or mend url in mirrors.cdn",
    },
    { what: "breaks off at GET", answers: { [GET]: "refuses" }, expected: HAS_NONE },
    {
      what: "wants a login",
      answers: { [HEAD]: 401 },
      expected:
        "mirrors.cdn bad: wants a login → mend url in mirrors.cdn, or let everybody read it",
    },
    {
      what: "is asked too often",
      answers: { [HEAD]: 429 },
      expected: "mirrors.cdn warning: asks for fewer requests (429)",
    },
    {
      what: "fails",
      answers: { [HEAD]: 500 },
      expected: "mirrors.cdn bad: answers 500 for a blob that nobody has, so it counts as down → " +
        "mend url in mirrors.cdn, or let it answer 404 to what it does not have",
    },
    {
      what: "gives no answer",
      answers: { [HEAD]: "refuses" },
      expected: `mirrors.cdn bad: gives no answer: ${REFUSED} → mend url in mirrors.cdn, or let ` +
        "archeio reach it",
    },
  ];
  for (const { what, answers, expected } of table) {
    await t.step(what, async () => assertEquals(await lookAtMirror(answers), [expected]));
  }
});

Deno.test("check asks mirrors for blobs where their templates have them", async () => {
  const config = `
upstreams: { main: { endpoint: https://registry.example } }
mirrors: { replica: { url: "https://replica.example/v2/{name}/blobs/{digest}" } }
rules: [{ clients: ["*"], mirrors: [replica] }]
`;
  const { findings, asked } = await look(config, () => 404);
  assertEquals(asked.filter((question) => question.includes("replica")), [
    `HEAD https://replica.example/v2/archeio/check/blobs/${UNKNOWN}`,
    `GET https://replica.example/v2/archeio/check/blobs/${UNKNOWN}`,
  ]);
  assertEquals(findings.at(-1)?.found, "answers 404 for a blob that nobody has");
});

Deno.test("check says that it had no time for an upstream", async () => {
  const config = "upstreams: { main: { endpoint: https://registry.example } }";
  const { findings } = await look(config, () => "hangs", { limitMs: 1000 });
  assertEquals(findings, [
    { part: "upstreams.main", verdict: "untried", found: "the time was over" },
  ]);
});

Deno.test("check says what it had no time for, in the order of the configuration", async () => {
  const names = Array.from({ length: 20 }, (_, at) => `m${at}`);
  const mirrors = names.map((name) => `  ${name}: { url: "https://${name}.example" }`);
  const config = `
upstreams: { main: { endpoint: https://registry.example } }
mirrors:
${mirrors.join("\n")}
rules: [{ clients: ["*"], mirrors: [${names.join(", ")}] }]
`;
  const { findings, asked } = await look(
    config,
    (question) => /m\d/.test(question) ? "hangs" : 200,
    { limitMs: 1000 },
  );
  assertEquals(
    findings.slice(1),
    names.map((name) => ({
      part: `mirrors.${name}`,
      verdict: "untried",
      found: "the time was over",
    })),
  );
  // No more than 16 at once.
  assertEquals(asked.filter((question) => /m\d/.test(question)).length, 16);
});
