import { assertEquals } from "@std/assert";
import {
  BLOB,
  CLIENTS,
  CONFIG,
  type ConfigFile,
  createSetup,
  createWorld,
  DIGEST,
  locationOf,
  MAIN,
  type World,
} from "./fixture.ts";

const HEX = DIGEST.slice("sha256:".length);
const client = CLIENTS.elsewhere;

/** A configuration with one mirror, whose URL is given. */
function withMirror(url: string): ConfigFile {
  return { ...CONFIG, mirrors: { one: { url } }, rules: [{ clients: ["*"], mirrors: ["one"] }] };
}

const REPLICA = "https://replica.example/v2";
const NAMED = withMirror(`${REPLICA}/{name}/blobs/{digest}`);

Deno.test("a handler asks a mirror at the URL that its template makes, and sends clients there", async () => {
  const table = [
    {
      asked: "https://a.example/docker/registry/v2/blobs/{algorithm}/{hex:2}/{hex}/data",
      expected: `https://a.example/docker/registry/v2/blobs/sha256/01/${HEX}/data`,
    },
    { asked: "https://a.example/{algorithm}/{hex}", expected: `https://a.example/sha256/${HEX}` },
    {
      asked: `${REPLICA}/{name}/blobs/{digest}`,
      expected: `${REPLICA}/kube-proxy/blobs/${DIGEST}`,
    },
  ];
  for (const { asked, expected } of table) {
    const world = await createWorld(withMirror(asked), { [expected]: 200 });
    assertEquals(await locationOf(world.handle(BLOB, { client })), expected);
    assertEquals(world.asked, [expected]);
    // From memory now, and to a second look.
    world.answers.set(expected, 206);
    assertEquals(await locationOf(world.handle(BLOB, { client })), expected);
    assertEquals([world.asked.length, world.looks], [1, [expected]]);
  }
});

Deno.test("a handler remembers a blob by its repository only where the mirror's URL has it", async () => {
  const plain = "https://a.example/{algorithm}/{hex}";
  const atPlain = `https://a.example/sha256/${HEX}`;
  const table = [
    {
      config: NAMED,
      at: (name: string) => `${REPLICA}/${name}/blobs/${DIGEST}`,
      asked: 2,
      samples: ["a@", "b@"],
    },
    { config: withMirror(plain), at: () => atPlain, asked: 1, samples: ["", ""] },
  ];
  for (const { config, at, asked, samples } of table) {
    const world = await createWorld(config, { [at("a")]: 200 });
    const here = await locationOf(world.handle(`/v2/a/blobs/${DIGEST}`, { client }));
    assertEquals(here, at("a"));
    const there = await locationOf(world.handle(`/v2/b/blobs/${DIGEST}`, { client }));
    assertEquals(there, at("a") === at("b") ? at("b") : `${MAIN}b/blobs/${DIGEST}`);
    assertEquals(world.asked.length, asked);
    const noted = new Set(world.told.samples.map(([, key]) => key));
    assertEquals(noted, new Set([`${samples[0]}${DIGEST}`]));
    // A blob that is lost in one repository is lost there alone.
    world.redirector.forget(0, `${samples[0]}${DIGEST}`);
    const lost = await locationOf(world.handle(`/v2/a/blobs/${DIGEST}`, { client }));
    assertEquals(lost, `${MAIN}a/blobs/${DIGEST}`);
  }
});

Deno.test("a handler takes no second look because a client asks for a blob in another repository", async () => {
  const world = await createWorld(NAMED, () => 200);
  for (const name of ["a", "b", "c"]) {
    await locationOf(world.handle(`/v2/${name}/blobs/${DIGEST}`, { client }));
  }
  assertEquals(world.looks, []);
  await locationOf(world.handle(`/v2/b/blobs/${DIGEST}`, { client }));
  assertEquals(world.looks, [`${REPLICA}/b/blobs/${DIGEST}`]);
});

Deno.test("a handler looks for no blob at a URL with a name that no registry has", async () => {
  const world = await createWorld(NAMED, () => 200);
  const [long, tooLong] = ["a".repeat(255), "a".repeat(256)];
  assertEquals(
    await locationOf(world.handle(`/v2/${long}/blobs/${DIGEST}`, { client })),
    `${REPLICA}/${long}/blobs/${DIGEST}`,
  );
  assertEquals(
    await locationOf(world.handle(`/v2/${tooLong}/blobs/${DIGEST}`, { client })),
    `${MAIN}${tooLong}/blobs/${DIGEST}`,
  );
  assertEquals(world.asked.length, 1);
});

Deno.test("a mirror whose template changes is asked anew", async () => {
  const world = await createWorld(NAMED, () => 200);
  const blob = `/v2/a/blobs/${DIGEST}`;
  await locationOf(world.handle(blob, { client }));
  const urls = [
    ["https://replica.example/{hex}", `https://replica.example/${HEX}`],
    ["https://replica.example/{name}/{hex}", `https://replica.example/a/${HEX}`],
  ] as const;
  for (const [url, expected] of urls) {
    await change(world, withMirror(url));
    assertEquals(await locationOf(world.handle(blob, { client })), expected);
    assertEquals(world.asked.at(-1), expected);
  }
  assertEquals(world.asked.length, 3);
});

/** Has a world serve by another configuration. */
async function change({ redirector, numbering, clock }: World, config: ConfigFile): Promise<void> {
  const changing = redirector.change(createSetup(config, { numbering }));
  await clock.pass(0);
  await changing;
}

const HOMES: ConfigFile = {
  ...CONFIG,
  upstreams: {
    ...CONFIG.upstreams as ConfigFile,
    ghcr: { endpoint: "https://ghcr.example", path: "org" },
  },
  repositories: {
    app: { upstream: "ghcr", as: "acme/app" },
    "kube-*": {},
  },
};

Deno.test("a handler sends each repository's clients where it is, and refuses the others", async () => {
  const world = await createWorld(HOMES);
  const table = [
    { asked: "app/manifests/1.0", expected: "https://ghcr.example/v2/org/acme/app/manifests/1.0" },
    { asked: "app/tags/list?n=5", expected: "https://ghcr.example/v2/org/acme/app/tags/list?n=5" },
    {
      asked: `app/blobs/${DIGEST}`,
      expected: `https://ghcr.example/v2/org/acme/app/blobs/${DIGEST}`,
    },
    { asked: "kube-proxy/manifests/1.0", expected: `${MAIN}kube-proxy/manifests/1.0` },
  ];
  for (const { asked, expected } of table) {
    assertEquals(await locationOf(world.answer(`/v2/${asked}`, { client })), expected);
  }
  const before = world.asked.length;
  for (const rest of [`blobs/${DIGEST}`, "manifests/1.0", "tags/list", `referrers/${DIGEST}`]) {
    for (const method of ["GET", "HEAD"]) {
      // Nobody is asked who the client is, either.
      const response = await world.handle(`/v2/apps/${rest}`, { client: "nobody", method });
      assertEquals(response.status, 404);
      const body = await response.text();
      assertEquals(
        method === "HEAD" ? body : JSON.parse(body),
        method === "HEAD" ? "" : {
          errors: [{
            code: "NAME_UNKNOWN",
            message: "this registry has no such repository",
            detail: "apps",
          }],
        },
      );
    }
  }
  assertEquals(world.asked.length, before);
  assertEquals(world.totals().requests("blob", 404), 2);
});

Deno.test("a reload that takes a repository away refuses it from then on", async () => {
  const world = await createWorld(HOMES);
  assertEquals((await world.answer("/v2/app/manifests/1.0", { client })).status, 307);
  await change(world, { ...HOMES, repositories: { "kube-*": {} } });
  assertEquals((await world.answer("/v2/app/manifests/1.0", { client })).status, 404);
});
