import { assert, assertEquals } from "@std/assert";
import { readConfig } from "../../lib/config/read.ts";
import { configOf, mistakesOf } from "./fixture.ts";

type Upstream = Readonly<Record<string, unknown>>;

function textOf(main: Upstream, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    upstreams: { main: { endpoint: "https://main.example", ...main } },
    ...more,
  });
}

const PASSWORD = { username: "bot", password_file: "/run/secrets/hub" };

Deno.test("readConfig() reads relaying upstreams as the documentation has them", () => {
  const hub = {
    endpoint: "https://registry-1.docker.io",
    path: "acme",
    pull: "relay",
    credentials: PASSWORD,
  };
  const text = JSON.stringify({
    upstreams: { main: { endpoint: "https://ghcr.example", pull: "relay" }, hub },
    repositories: { app: { upstream: "hub", public: true }, "*": {} },
  });
  const { upstreams, relay } = configOf(text);
  assertEquals(upstreams.hub, { ...hub, pull: "relay" } as never);
  assertEquals(relay, {
    memory_mib: 64,
    tag_ttl_s: 60,
    stale_s: 3600,
    timeout_ms: 10_000,
    stream: true,
    max_streams: 64,
  });
});

Deno.test("hosts have a port or none, and nothing else", () => {
  const allowed = [
    ...["auth.example", "auth.example:8443", "10.0.0.1", "10.0.0.1:9000", "[fd00::1]", "a_b"],
    ...["[::1]:5001", "localhost", "minio", "a"],
  ];
  const refused = [
    ...["", "https://auth.example", "auth.example/", "user@auth.example", "Auth.example", "*"],
    ...[
      "auth.example:",
      "auth.example:0",
      "auth.example:123456",
      "-a",
      "a-",
      "a b",
      "::1",
      "é.example",
    ],
  ];
  const expected = "a host with or without a port, such as auth.example or auth.example:8443";
  for (const key of ["token_hosts", "redirect_hosts"]) {
    for (const host of allowed) {
      assertEquals(mistakesOf(textOf({ pull: "relay", [key]: [host] })), [], host);
    }
    for (const host of refused) {
      assertEquals(mistakesOf(textOf({ pull: "relay", [key]: [host] })), [
        `upstreams.main.${key}[0]: found ${JSON.stringify(host)}; allowed: ${expected}`,
      ]);
    }
  }
});

Deno.test("credentials are a user with a password, or an identity token, in files", () => {
  const repositories = { app: { public: true } };
  const table: { credentials: unknown; expected: readonly string[] }[] = [
    { credentials: PASSWORD, expected: [] },
    { credentials: { identity_token_file: "/run/secrets/token" }, expected: [] },
    ...[
      {},
      { username: "bot" },
      { password_file: "p" },
      { ...PASSWORD, identity_token_file: "t" },
      { username: "bot", identity_token_file: "t" },
    ].map((credentials) => ({
      credentials,
      expected: [
        "upstreams.main.credentials: found …; allowed: username and password_file, or " +
        "identity_token_file",
      ],
    })),
    {
      credentials: { username: "bot", password: "secret" },
      expected: [
        "upstreams.main.credentials.password: found …; allowed: only the keys username, " +
        "password_file, identity_token_file; did you mean password_file?",
      ],
    },
    {
      credentials: { username: "a:b", password_file: "" },
      expected: [
        'upstreams.main.credentials.username: found "a:b"; allowed: a user\'s name, without a colon',
        'upstreams.main.credentials.password_file: found ""; allowed: a file\'s path',
      ],
    },
    {
      credentials: "bot:secret",
      expected: [
        "upstreams.main.credentials: found …; allowed: a mapping with the keys username, " +
        "password_file, identity_token_file",
      ],
    },
  ];
  for (const { credentials, expected } of table) {
    const found = mistakesOf(textOf({ pull: "relay", credentials }, { repositories }));
    assertEquals(found.toSorted(), expected.toSorted());
    assert(!found.join().includes("secret"), found.join());
  }
});

Deno.test("what does nothing is a mistake", () => {
  const useless = "nothing, or pull: relay beside it: clients that are redirected get none of it";
  const table: { main: Upstream; expected: readonly string[] }[] = [
    { main: { tags: "relay" }, expected: [] },
    { main: { tags: "redirect" }, expected: [] },
    { main: { pull: "redirect", tags: "relay", token_hosts: ["a"] }, expected: [] },
    {
      main: { pull: "relay", tags: "redirect" },
      expected: ['tags: found "redirect"; allowed: relay, as pull is'],
    },
    { main: { token_hosts: ["a"] }, expected: [`token_hosts: found ["a"]; allowed: ${useless}`] },
    {
      main: { pull: "redirect", redirect_hosts: ["a"] },
      expected: [`redirect_hosts: found ["a"]; allowed: ${useless}`],
    },
    {
      main: { tags: "relay", redirect_hosts: ["a"] },
      expected: [`redirect_hosts: found ["a"]; allowed: ${useless}`],
    },
  ];
  for (const { main, expected } of table) {
    assertEquals(mistakesOf(textOf(main)), expected.map((mistake) => `upstreams.main.${mistake}`));
  }
  const [mistake] = mistakesOf(textOf({ credentials: PASSWORD }));
  assert(mistake!.startsWith("upstreams.main.credentials: "), mistake);
  for (
    const { relay, expected } of [
      {
        relay: { stale_s: 59 },
        expected: ["relay.stale_s: found 59; allowed: at least relay.tag_ttl_s, 60, or 0"],
      },
      { relay: { stale_s: 0 }, expected: [] },
      { relay: { stale_s: 5, tag_ttl_s: 5 }, expected: [] },
      {
        relay: { tag_ttl_s: 3601 },
        expected: ["relay.stale_s: found 3600; allowed: at least relay.tag_ttl_s, 3601, or 0"],
      },
    ]
  ) {
    assertEquals(mistakesOf(textOf({}, { relay })), expected);
  }
});

Deno.test("nothing private becomes public by accident", () => {
  const credentials = PASSWORD;
  const upstreams = {
    main: { endpoint: "https://main.example" },
    hub: { endpoint: "https://hub.example", pull: "relay", credentials },
  };
  const asMain = { main: upstreams.hub, other: upstreams.main };
  const isPublic = "true, so that everybody may pull them: the upstream";
  const table: { config: Record<string, unknown>; expected: readonly string[] }[] = [
    {
      config: { upstreams, repositories: { app: { upstream: "hub", public: true }, "*": {} } },
      expected: [],
    },
    {
      config: { upstreams, repositories: { app: { upstream: "hub" }, "*": {} } },
      expected: [
        `repositories.app.public: found nothing; allowed: ${isPublic} hub has credentials`,
      ],
    },
    {
      config: { upstreams, repositories: { app: { upstream: "hub", public: false }, "*": {} } },
      expected: [`repositories.app.public: found false; allowed: ${isPublic} hub has credentials`],
    },
    {
      config: { upstreams: { main: upstreams.hub } },
      expected: [
        "upstreams.main.credentials: found …; allowed: " +
        "credentials, if repositories names what everybody may pull, each with public: true",
      ],
    },
    {
      config: {
        upstreams: asMain,
        repositories: {
          a: {},
          b: { upstream: "main" },
          c: { upstream: "other" },
          d: { public: true },
        },
      },
      expected: ["a", "b"].map((name) =>
        `repositories.${name}.public: found nothing; allowed: ${isPublic} main has credentials`
      ),
    },
    // By a rule, and as the signature upstream.
    {
      config: {
        upstreams,
        rules: [{ clients: ["*"], upstream: "hub" }],
        repositories: { a: {}, b: { upstream: "main" } },
      },
      expected: ["a", "b"].map((name) =>
        `repositories.${name}.public: found nothing; allowed: ${isPublic} hub has credentials`
      ),
    },
    {
      config: { upstreams, signature_upstream: "hub", repositories: { a: {} } },
      expected: [`repositories.a.public: found nothing; allowed: ${isPublic} hub has credentials`],
    },
    {
      config: { upstreams, signature_upstream: "hub" },
      expected: [
        "upstreams.hub.credentials: found …; allowed: " +
        "credentials, if repositories names what everybody may pull, each with public: true",
      ],
    },
    // For lists of tags as well.
    {
      config: {
        upstreams: { main: { endpoint: "https://hub.example", tags: "relay", credentials } },
        repositories: { a: {} },
      },
      expected: [`repositories.a.public: found nothing; allowed: ${isPublic} main has credentials`],
    },
  ];
  for (const { config, expected } of table) {
    assertEquals(mistakesOf(JSON.stringify(config)), expected);
  }
});

Deno.test("files with secrets must be readable", () => {
  const text = textOf({ pull: "relay", credentials: PASSWORD }, {
    repositories: { app: { public: true } },
  });
  const read = (reason: string | undefined) =>
    readConfig(text, { environment: () => undefined, embedded: [], whyUnreadable: () => reason });
  assertEquals(read(undefined).kind, "config");
  const refused = read("there is no such file");
  assertEquals(refused.kind === "mistakes" && refused.mistakes.length, 1);
  assert(JSON.stringify(refused).includes("there is no such file"));
});
