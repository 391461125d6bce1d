import { assert, assertEquals } from "@std/assert";
import {
  createCredentials,
  type Credentials,
  type CredentialsOptions,
} from "../../lib/fill/stores/credentials.ts";

interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

type Answer = string | number | Error;

/** A world with variables, files, and answers by URL; and a time that is moved. */
function createWorld(
  variables: Readonly<Record<string, string>>,
  answers: Readonly<Record<string, Answer | readonly Answer[]>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const asked: Asked[] = [];
  const counts = new Map<string, number>();
  const world = { now: Date.parse("2026-01-01T00:00:00Z") };
  const options: CredentialsOptions = {
    environment: (variable) => variables[variable],
    readText(path) {
      const text = files[path];
      return text === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(text);
    },
    async fetch(input, init) {
      const request = new Request(input as string, init as RequestInit);
      const { url, method, headers } = request;
      asked.push({ url, method, headers, body: await request.text() });
      const all = answers[`${method} ${url}`] ?? 404;
      const count = counts.get(url) ?? 0;
      counts.set(url, count + 1);
      const answer = Array.isArray(all) ? all[Math.min(count, all.length - 1)] : all;
      if (answer instanceof Error) throw answer;
      return typeof answer === "number"
        ? new Response("secret of the answer", { status: answer })
        : new Response(answer);
    },
    region: "eu-west-3",
    timeOfDay: () => world.now,
    timeout: () => new AbortController().signal,
  };
  return { world, asked, provider: createCredentials(options) };
}

const KEYS = { AccessKeyId: "id", SecretAccessKey: "secret" };
const TEMPORARY = JSON.stringify({ ...KEYS, Token: "token", Expiration: "2026-01-01T01:00:00Z" });
const HELD: Credentials = {
  kind: "credentials",
  accessKeyId: "id",
  secretAccessKey: "secret",
  sessionToken: "token",
  endMs: Date.parse("2026-01-01T01:00:00Z"),
};

async function reasonOf(given: Promise<{ readonly kind: string; readonly reason?: string }>) {
  const got = await given;
  assertEquals(got.kind, "failed");
  assert(!/secret|token-of/.test(got.reason!), got.reason);
  return got.reason!;
}

Deno.test("credentials come from the environment first, and last for ever", async () => {
  const { provider, asked } = createWorld({
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_SESSION_TOKEN: "token",
    AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
  });
  const expected = { kind: "credentials", accessKeyId: "id", secretAccessKey: "secret" } as const;
  assertEquals(await provider.get(), { ...expected, sessionToken: "token" });
  const { provider: without } = createWorld({
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
  });
  assertEquals(await without.get(), { ...expected, sessionToken: undefined });
  assertEquals(asked, []);
});

const XML = `<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>id</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2026-01-01T01:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResponse>`;

Deno.test("credentials come from a web identity, whose token is read anew", async () => {
  const variables = {
    AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
    AWS_ROLE_ARN: "arn:aws:iam::1:role/fill",
  };
  const files = { "/token": "token-of-file\n" };
  const sts = "https://sts.eu-west-3.amazonaws.com/";
  const { provider, asked } = createWorld(variables, { [`POST ${sts}`]: XML }, files);
  assertEquals(await provider.get(), HELD);
  const body = new URLSearchParams(asked[0]!.body);
  assertEquals(body.get("WebIdentityToken"), "token-of-file");
  assertEquals(body.get("RoleArn"), variables.AWS_ROLE_ARN);
  assertEquals(body.get("RoleSessionName"), "archeio");

  const places = [
    { variables: { AWS_REGION: "cn-north-1" }, url: "https://sts.cn-north-1.amazonaws.com.cn/" },
    { variables: { AWS_DEFAULT_REGION: "auto" }, url: "https://sts.amazonaws.com/" },
    { variables: { AWS_ENDPOINT_URL_STS: "https://sts.example/" }, url: "https://sts.example/" },
  ];
  for (const { variables: more, url } of places) {
    const world = createWorld({ ...variables, ...more }, { [`POST ${url}`]: XML }, files);
    assertEquals(await world.provider.get(), HELD);
  }
});

Deno.test("credentials of a web identity fail with a reason, and without a secret", async () => {
  const file = { AWS_WEB_IDENTITY_TOKEN_FILE: "/token" };
  const role = { ...file, AWS_ROLE_ARN: "arn" };
  const sts = "POST https://sts.eu-west-3.amazonaws.com/";
  const files = { "/token": "token-of-file" };
  const table = [
    { variables: file, expected: "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not" },
    { variables: role, files: {}, expected: 'cannot read "/token": no such file' },
    {
      variables: role,
      answer: 403,
      expected: "no credentials: the security token service answered 403",
    },
    {
      variables: role,
      answer: "<Error/>",
      expected: "no credentials: the security token service answered with none",
    },
    {
      variables: role,
      answer: new Error("reset"),
      expected: "no credentials: the security token service did not answer: reset",
    },
    {
      variables: role,
      answer: "x".repeat(70_000),
      expected: "no credentials: the security token service answered too much",
    },
  ];
  for (const { variables, answer = 500, files: own = files, expected } of table) {
    const { provider } = createWorld(variables, { [sts]: answer }, own);
    assertEquals(await reasonOf(provider.get()), expected);
  }
});

Deno.test("credentials come from a container, with its token", async () => {
  const relative = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/me" };
  const ecs = createWorld(relative, { "GET http://169.254.170.2/v2/me": TEMPORARY });
  assertEquals(await ecs.provider.get(), HELD);

  const eks = createWorld(
    {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/token",
    },
    { "GET http://169.254.170.23/v1/credentials": TEMPORARY },
    { "/token": "token-of-pod\n" },
  );
  assertEquals(await eks.provider.get(), HELD);
  assertEquals(eks.asked[0]!.headers.get("authorization"), "token-of-pod");

  const given = createWorld({
    ...relative,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "token-of-variable",
  }, { "GET http://169.254.170.2/v2/me": TEMPORARY });
  assertEquals(await given.provider.get(), HELD);
  assertEquals(given.asked[0]!.headers.get("authorization"), "token-of-variable");
});

Deno.test("a container's credentials are asked for nowhere but where they may be", async () => {
  const table = [
    { url: "http://evil.example/", token: undefined },
    { url: "ftp://127.0.0.1/", token: undefined },
    { url: "no URL", token: undefined },
    { url: "https://any.example/", token: "/none" },
    { url: "https://any.example/", token: "/lines" },
  ];
  for (const { url, token } of table) {
    const { provider, asked } = createWorld(
      {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
        ...token === undefined ? {} : { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: token },
      },
      {},
      { "/lines": "token-of\r\nevil: 1" },
    );
    await reasonOf(provider.get());
    assertEquals(asked, [], url);
  }
});

Deno.test("credentials come from the machine last, with a session, tried twice", async () => {
  const base = "http://169.254.169.254/latest";
  const roles = `GET ${base}/meta-data/iam/security-credentials/`;
  const answers = {
    [`PUT ${base}/api/token`]: [new Error("timeout"), "token-of-session"],
    [roles]: "fill\n",
    [`${roles}fill`]: TEMPORARY,
  };
  const { provider, asked } = createWorld({}, answers);
  assertEquals(await provider.get(), HELD);
  assertEquals(asked.at(-1)!.headers.get("x-aws-ec2-metadata-token"), "token-of-session");
  const without = createWorld({ AWS_EC2_METADATA_DISABLED: "true" });
  assertEquals(
    await reasonOf(without.provider.get()),
    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  );
  assertEquals(without.asked, []);
  const table = [
    { ...answers, [`PUT ${base}/api/token`]: 403 },
    { ...answers, [`PUT ${base}/api/token`]: "token-of\nsession" },
    { ...answers, [`${roles}fill`]: TEMPORARY.replace('"token"', '"token-of\\nline"') },
    { ...answers, [roles]: 404 },
    { ...answers, [roles]: "" },
    { ...answers, [`${roles}fill`]: "no JSON" },
    { ...answers, [`${roles}fill`]: '{"AccessKeyId":5}' },
  ];
  for (const wrong of table) await reasonOf(createWorld({}, wrong).provider.get());
});

Deno.test("temporary credentials are fetched anew five minutes before they end, once for all", async () => {
  const url = "http://169.254.170.2/v2/me";
  const later = TEMPORARY.replace("01:00", "02:00");
  const { provider, world, asked } = createWorld(
    { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/me" },
    { [`GET ${url}`]: [TEMPORARY, 500, later, '{"AccessKeyId":"id","SecretAccessKey":"secret"}'] },
  );
  await Promise.all([provider.get(), provider.get()]);
  assertEquals(asked.length, 1);
  world.now += 54 * 60_000;
  assertEquals(await provider.get(), HELD);
  assertEquals(asked.length, 1);
  world.now += 2 * 60_000;
  // Until they end, the old ones are as good.
  assertEquals(await provider.get(), HELD);
  assertEquals(asked.length, 2);
  assertEquals((await provider.get() as Credentials).endMs, HELD.endMs! + 3_600_000);
  provider.forget();
  assertEquals((await provider.get() as Credentials).endMs, undefined);
  assertEquals(asked.length, 4);
});

Deno.test("credentials that no header can have are refused, and not repeated", async () => {
  for (const wrong of ["sec\nret", "sec ret", "secr\u00e9t"]) {
    const { provider } = createWorld({ AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: wrong });
    assertEquals(
      await reasonOf(provider.get()),
      "the credentials are none: they have spaces or control characters",
    );
  }
});
