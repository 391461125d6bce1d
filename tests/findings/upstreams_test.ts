import { assertEquals } from "@std/assert";
import { type Answer, json, look, type Looking, REFUSED, type Reply } from "./fixture.ts";

const R = "https://registry.example";
const HUB = "https://registry-1.docker.io";
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const CREDENTIALS = "credentials: { username: …, password_file: … }";
const AUTH = {
  credentials: { main: { kind: "password", username: "bot", password: "secret" } },
} as const;

interface Case {
  readonly what: string;
  readonly config: string;
  readonly answers: Readonly<Record<string, Reply>>;
  readonly how?: Looking;
  /** `verdict found → advice` */
  readonly expected: readonly string[];
}

function upstream(more = "", rest = "", endpoint = R): string {
  return `upstreams: { main: { endpoint: "${endpoint}"${more} } }\n${rest}`;
}

const APP = "repositories: { app: {} }";
const LIST = `GET ${R}/v2/app/tags/list`;

function challenge(realm: string): Reply {
  const headers = { "www-authenticate": `Bearer realm="${realm}",service="s"` };
  return { status: 401, headers };
}

async function formatFound({ config, answers, how }: Case): Promise<string[]> {
  const { findings } = await look(config, (question) => answers[question], how);
  return findings.map(({ part, verdict, found, advice }) => {
    assertEquals(part, "upstreams.main");
    return `${verdict}: ${found}${advice === undefined ? "" : ` → ${advice}`}`;
  });
}

function test(promise: string, table: readonly Case[]): void {
  Deno.test(promise, async (t) => {
    for (const one of table) {
      await t.step(one.what, async () => assertEquals(await formatFound(one), one.expected));
    }
  });
}

const WANTS = "bad: wants a token, and docker, podman, skopeo and most others get none behind a " +
  "redirect → write pull: relay in upstreams.main";

test("check says what a redirecting upstream needs", [
  {
    what: "serves anybody",
    config: upstream(),
    answers: { [`GET ${R}/v2/`]: 200 },
    expected: ["good: serves anybody without a token"],
  },
  {
    what: "wants a token",
    config: upstream(),
    answers: {
      [`GET ${R}/v2/`]: challenge(`${R}/token`),
      [`GET ${R}/v2/archeio/check/tags/list`]: challenge(`${R}/token`),
    },
    expected: [WANTS],
  },
  {
    what: "wants a token, and then does not answer",
    config: upstream(),
    answers: {
      [`GET ${R}/v2/`]: challenge(`${R}/token`),
      [`GET ${R}/v2/archeio/check/tags/list`]: "refuses",
    },
    expected: [WANTS],
  },
  {
    what: "is Docker Hub",
    config: upstream("", "", HUB),
    answers: {
      [`GET ${HUB}/v2/`]: challenge("https://auth.docker.io/token"),
      [`GET ${HUB}/v2/archeio/check/tags/list`]: challenge("https://auth.docker.io/token"),
    },
    expected: [`${WANTS}, and better ${CREDENTIALS} with it`],
  },
  {
    what: "wants a token for /v2/, and none for what it does not have",
    config: upstream(),
    answers: { [`GET ${R}/v2/`]: challenge(`${R}/token`) },
    expected: [
      "warning: wants a token for /v2/; whether it wants one for repositories, too, is not known " +
      '→ if clients fail with "unauthorized", write pull: relay in upstreams.main; archeio check ' +
      "NAME tries a repository",
    ],
  },
  {
    what: "wants a token for /v2/, and none for a repository",
    config: upstream("", APP),
    answers: {
      [`GET ${R}/v2/`]: challenge(`${R}/token`),
      [LIST]: json({ tags: ["1"] }),
    },
    expected: ["good: serves anybody without a token for app"],
  },
  {
    what: "gives no answer",
    config: upstream(),
    answers: { [`GET ${R}/v2/`]: "refuses" },
    expected: [
      `bad: gives no answer: ${REFUSED} → mend endpoint in upstreams.main, or let archeio reach it`,
    ],
  },
  {
    what: "hangs",
    config: upstream(),
    answers: { [`GET ${R}/v2/`]: "hangs" },
    expected: [
      "bad: gives no answer: no answer in 5000 ms → mend endpoint in upstreams.main, or let " +
      "archeio reach it",
    ],
  },
  {
    what: "has moved",
    config: upstream(),
    answers: {
      [`GET ${R}/v2/`]: { status: 301, headers: { location: "https://new.example/v2/" } },
    },
    expected: [
      "bad: redirects /v2/ to https://new.example → write endpoint: https://new.example in " +
      "upstreams.main",
    ],
  },
  ...["/login", "javascript:alert(1)", "https://"].map((location) => ({
    what: `redirects to ${location}`,
    config: upstream(),
    answers: { [`GET ${R}/v2/`]: { status: 302, headers: { location } } },
    expected: ["bad: answers 302 to /v2/ → is endpoint in upstreams.main that of a registry?"],
  })),
  {
    what: "is no registry",
    config: upstream(),
    answers: {},
    expected: ["bad: answers 404 to /v2/ → is endpoint in upstreams.main that of a registry?"],
  },
  {
    what: "has no /v2/, and is a registry nevertheless",
    config: upstream("", APP),
    answers: { [LIST]: json({ tags: [] }) },
    expected: ["good: serves anybody without a token for app"],
  },
  {
    what: "is asked too often",
    config: upstream("", APP),
    answers: { [`GET ${R}/v2/`]: 429, [LIST]: 429 },
    expected: ["warning: asks for fewer requests"],
  },
  {
    what: "pages its tags",
    config: upstream("", APP),
    answers: {
      [`GET ${R}/v2/`]: 200,
      [LIST]: json({ tags: ["1"] }, { link: '</v2/app/tags/list?n=1&last=1>; rel="next"' }),
    },
    expected: [
      "bad: lists tags in pages, and clients lose the next page behind a redirect → write " +
      "tags: relay in upstreams.main",
    ],
  },
  {
    what: "pages its tags, which are relayed",
    config: upstream(", tags: relay", APP),
    answers: {
      [`GET ${R}/v2/`]: 200,
      [LIST]: json({ tags: ["1"] }, { link: '</v2/app/tags/list?n=1&last=1>; rel="next"' }),
    },
    expected: ["good: serves anybody without a token for app"],
  },
  {
    what: "pages the tags of a repository that its catalog has",
    config: upstream(", path: acme"),
    answers: {
      [`GET ${R}/v2/`]: 200,
      [`GET ${R}/v2/_catalog?n=100`]: json({ repositories: ["other", 1, "acme/../x", "acme/app"] }),
      [`GET ${R}/v2/acme/app/tags/list`]: json({ tags: [] }, { link: "<?last=1>; rel=next" }),
    },
    expected: [
      "bad: lists tags in pages, and clients lose the next page behind a redirect → write " +
      "tags: relay in upstreams.main",
    ],
  },
  {
    what: "does not have a repository",
    config: upstream("", APP),
    answers: { [`GET ${R}/v2/`]: 200 },
    expected: [
      "warning: has no repository app → is path in upstreams.main right, and as in repositories?",
    ],
  },
  {
    what: "does not have a repository that is asked for by its name",
    config: upstream(", path: acme"),
    answers: { [`GET ${R}/v2/`]: 200, [`GET ${R}/v2/acme/there/tags/list`]: json({ tags: [] }) },
    how: { names: ["there", "gone"] },
    expected: [
      "warning: has no repository gone → is path in upstreams.main right, and as in repositories?",
    ],
  },
  {
    what: "fails",
    config: upstream("", APP),
    answers: { [`GET ${R}/v2/`]: 200, [LIST]: 500 },
    expected: ["bad: it answered 500"],
  },
  {
    what: "redirects, as clients follow",
    config: upstream("", APP),
    answers: {
      [`GET ${R}/v2/`]: 200,
      [LIST]: { status: 307, headers: { location: "https://new.example/v2/app/tags/list" } },
    },
    expected: ["good: serves anybody without a token for app"],
  },
  {
    what: "lists what is no list",
    config: upstream("", APP),
    answers: { [`GET ${R}/v2/`]: 200, [LIST]: { body: "null" } },
    expected: ["good: serves anybody without a token for app"],
  },
]);

const RELAY = ", pull: relay";
const TOKEN = `GET ${R}/token?service=s&scope=repository%3Aapp%3Apull`;

// Whoever has a token gets what stands behind `token `.
function withToken(answers: Readonly<Record<string, Reply>>, realm = `${R}/token`): Answer {
  return (question, headers) => {
    const isIn = headers.get("authorization") === "Bearer t";
    if (isIn) return answers[`token ${question}`];
    return answers[question] ?? (question.includes("/v2/") ? challenge(realm) : undefined);
  };
}

Deno.test("check says what a relaying upstream needs", async (t) => {
  const token = { [TOKEN]: json({ token: "t" }) };
  const tags = {
    [`token ${LIST}`]: json({ tags: ["latest", "2", `sha256-${"a".repeat(64)}.sig`] }),
  };
  const image = {
    [`token GET ${R}/v2/app/manifests/latest`]: json({ manifests: [{ digest: DIGEST }] }),
    [`token GET ${R}/v2/app/manifests/${DIGEST}`]: json({
      config: { digest: DIGEST },
      layers: [{ digest: 1 }, null, { digest: "md5:1" }],
    }),
  };
  const blob = `token HEAD ${R}/v2/app/blobs/${DIGEST}`;
  const table: (Omit<Case, "answers"> & { readonly answer: Answer })[] = [
    {
      what: "serves anybody",
      config: upstream(RELAY),
      answer: (question) => question === `GET ${R}/v2/` ? 200 : undefined,
      expected: [
        "good: serves anybody without a token → pull: redirect in upstreams.main would do, and " +
        "cost less",
      ],
    },
    {
      what: "gives a token",
      config: upstream(RELAY, APP),
      answer: withToken({ ...token, ...tags }),
      expected: ["good: gives archeio a token for app"],
    },
    {
      what: "serves blobs itself",
      config: upstream(RELAY, APP),
      answer: withToken({ ...token, ...tags, ...image, [blob]: 200 }),
      expected: ["good: gives archeio a token for app"],
    },
    {
      what: "serves blobs itself, which are not streamed",
      config: upstream(RELAY, `${APP}\nrelay: { stream: false }`),
      answer: withToken({ ...token, ...tags, ...image, [blob]: 200 }),
      expected: [
        "bad: serves blobs itself, which stream: false forbids: clients get 503 for those that " +
        "no mirror has → write stream: true in relay",
      ],
    },
    {
      what: "redirects for blobs, which need not be streamed",
      config: upstream(RELAY, `${APP}\nrelay: { stream: false }`),
      answer: withToken({
        ...token,
        ...tags,
        ...image,
        [blob]: { status: 307, headers: { location: "https://blobs.example/1" } },
      }),
      expected: ["good: gives archeio a token for app"],
    },
    {
      what: "redirects for blobs to a private address",
      config: upstream(RELAY, APP),
      answer: withToken({
        ...token,
        ...tags,
        ...image,
        [blob]: { status: 307, headers: { location: "https://10.0.0.1/1" } },
      }),
      expected: [
        "bad: its Location is at 10.0.0.1, a private address that redirect_hosts does not name → " +
        "if clients reach that address, name it in redirect_hosts in upstreams.main",
      ],
    },
    {
      what: "fails blobs",
      config: upstream(RELAY, APP),
      answer: withToken({ ...token, ...tags, ...image, [blob]: 500 }),
      expected: ["bad: it answered 500"],
    },
    {
      what: "has its tokens elsewhere",
      config: upstream(RELAY, APP),
      answer: withToken({}, "https://auth.example/token"),
      expected: [
        "bad: cannot be asked for tokens: the realm of its challenge is at auth.example, which " +
        'token_hosts does not name → if that is right, write token_hosts: ["auth.example"] in ' +
        "upstreams.main",
      ],
    },
    {
      what: "has its tokens at an address",
      config: upstream(RELAY, APP),
      answer: withToken({}, "https://169.254.169.254/token"),
      expected: [
        "bad: cannot be asked for tokens: the realm of its challenge is at 169.254.169.254, which " +
        "token_hosts does not name",
      ],
    },
    {
      what: "has its tokens nowhere",
      config: upstream(RELAY, APP),
      answer: withToken({}, "nowhere"),
      expected: ["bad: cannot be asked for tokens: the realm of its challenge is no URL"],
    },
    {
      what: "wants a password, and has none",
      config: upstream(RELAY, APP),
      answer: () => ({ status: 401, headers: { "www-authenticate": 'Basic realm="x"' } }),
      expected: [
        `bad: it wants a user and a password: it needs credentials → write ${CREDENTIALS} in ` +
        "upstreams.main",
      ],
    },
    {
      what: "gives nobody a token for a repository",
      config: upstream(RELAY, APP),
      answer: withToken({ [TOKEN]: 403 }),
      expected: [
        `bad: gives archeio no token for app → if it is private, write ${CREDENTIALS} in ` +
        "upstreams.main, and public: true in repositories; else, is path in upstreams.main right?",
      ],
    },
    {
      what: "gives nobody a token for what it does not have",
      config: upstream(RELAY),
      answer: withToken({ [TOKEN.replace("app", "archeio%2Fcheck")]: 403 }),
      expected: [
        "warning: wants a token; whether it gives one for your repositories is not known → " +
        "archeio check NAME tries a repository",
      ],
    },
    {
      what: "refuses the credentials",
      config: upstream(
        `${RELAY}, credentials: { username: bot, password_file: x }`,
        "repositories: { app: { public: true } }",
      ),
      how: AUTH,
      answer: withToken({ [TOKEN]: 401 }),
      expected: [
        "bad: its token service refuses the credentials → mend credentials in upstreams.main",
      ],
    },
    {
      what: "does not let the user pull",
      config: upstream(
        `${RELAY}, credentials: { username: bot, password_file: x }`,
        "repositories: { app: { public: true } }",
      ),
      how: AUTH,
      answer: withToken({ ...token, [`token ${LIST}`]: 403 }),
      expected: [
        "bad: does not let archeio pull app → let the user of credentials in upstreams.main pull it",
      ],
    },
    {
      what: "is asked too often",
      config: upstream(RELAY, APP),
      answer: withToken({ ...token, [`token ${LIST}`]: 429 }),
      expected: [
        `warning: asks for fewer requests → write ${CREDENTIALS} in upstreams.main`,
      ],
    },
    {
      what: "redirects what is no blob",
      config: upstream(RELAY, APP),
      answer: withToken({
        ...token,
        [`token ${LIST}`]: { status: 307, headers: { location: "https://new.example/v2/app" } },
      }),
      expected: [
        "bad: redirects app, where archeio does not follow → write endpoint: https://new.example, " +
        "if that is the registry, in upstreams.main",
      ],
    },
    {
      what: "is Docker Hub without credentials, and gives no answer",
      config: upstream(RELAY, "", HUB),
      answer: () => "refuses",
      expected: [
        `bad: gives no answer: ${REFUSED} → mend endpoint in upstreams.main, or let archeio reach it`,
        "warning: is Docker Hub, asked without credentials: all clients share the few pulls that " +
        `one address has → write ${CREDENTIALS} in upstreams.main`,
      ],
    },
    {
      what: "is Docker Hub without credentials, and without a path",
      config: upstream(RELAY, "repositories: { alpine: {} }", HUB),
      answer: (question) => question === `GET ${HUB}/v2/` ? 200 : undefined,
      expected: [
        "warning: has no repository alpine → write path: library in upstreams.main for Docker's " +
        "official images",
        "warning: is Docker Hub, asked without credentials: all clients share the few pulls that " +
        `one address has → write ${CREDENTIALS} in upstreams.main`,
      ],
    },
  ];
  for (const { what, config, how, answer, expected } of table) {
    await t.step(what, async () => {
      const { findings } = await look(config, answer, how);
      const told = findings.map(({ verdict, found, advice }) =>
        `${verdict}: ${found}${advice === undefined ? "" : ` → ${advice}`}`
      );
      assertEquals(told, expected);
    });
  }
});

Deno.test("check tries each repository where the configuration has it", async () => {
  const config = `
upstreams:
  main: { endpoint: https://main.example, path: images }
  near: { endpoint: https://near.example }
  other: { endpoint: https://other.example }
repositories:
  app: {}
  web: { upstream: other, as: acme/web }
  charts/*: { upstream: other, as: charts-* }
rules: [{ clients: ["aws/*"], mirrors: [], upstream: near }]
`;
  const { asked, findings } = await look(
    config,
    (question) => question.endsWith("/v2/") ? 200 : json({ tags: [] }),
    { names: ["charts/a", "app", "nothing"] },
  );
  assertEquals(asked.toSorted(), [
    "GET https://main.example/v2/",
    "GET https://main.example/v2/images/app/tags/list",
    "GET https://near.example/v2/",
    "GET https://near.example/v2/app/tags/list",
    "GET https://other.example/v2/",
    "GET https://other.example/v2/acme/web/tags/list",
    "GET https://other.example/v2/charts-a/tags/list",
  ]);
  assertEquals(findings.map(({ part, verdict }) => `${part} ${verdict}`), [
    "upstreams.main good",
    "upstreams.near good",
    "upstreams.other good",
  ]);
});

Deno.test("check asks Docker Hub for no manifest, because it counts them", async () => {
  const { asked } = await look(
    upstream("", APP, HUB),
    (question) => question.endsWith("list") ? json({ tags: ["latest"] }) : 200,
  );
  assertEquals(asked, [`GET ${HUB}/v2/`, `GET ${HUB}/v2/app/tags/list`]);
});

Deno.test("check sends credentials to the token service alone, and says no secret", async () => {
  const sent: string[] = [];
  const config = upstream(
    `${RELAY}, credentials: { username: bot, password_file: x }`,
    "repositories: { app: { public: true } }",
  );
  const { findings } = await look(config, (question, headers) => {
    const authorization = headers.get("authorization");
    if (authorization !== null) sent.push(`${question} ${authorization.split(" ")[0]}`);
    if (question.startsWith(`GET ${R}/token`)) return json({ token: "t" });
    return authorization === null ? challenge(`${R}/token`) : { status: 500, body: "secret" };
  }, AUTH);
  assertEquals(sent, [
    `${TOKEN} Basic`,
    `${LIST} Bearer`,
  ]);
  assertEquals(/secret|Basic/.test(JSON.stringify(findings)), false);
});
