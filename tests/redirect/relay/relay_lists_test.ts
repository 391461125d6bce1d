import { assertEquals } from "@std/assert";
import { tryNextQuery } from "../../../lib/redirect/relay/next_link.ts";
import { codeOf, createRelayWorld, INDEX, manifestOf, RELAYING, tell } from "./relay_world.ts";

const first = await manifestOf("first");

function tagsOf(list: unknown, headers: Record<string, string> = {}) {
  return () => Response.json(list, { headers });
}

Deno.test("a list of tags has the name that clients use, and so has the link to its next page", async () => {
  const table: { link: string | undefined; expected: string | null }[] = [
    { link: undefined, expected: null },
    {
      link: '</v2/acme/app/tags/list?last=v2&n=2>; rel="next"',
      expected: '</v2/app/tags/list?last=v2&n=2>; rel="next"',
    },
    {
      link: "<https://ghcr.example/v2/acme/app/tags/list?n=2&next_page=gAAA%3D>; rel=next",
      expected: '</v2/app/tags/list?n=2&next_page=gAAA%3D>; rel="next"',
    },
    {
      link: '<https://evil.example/?a=b%0d%0a&c=d>; rel="next"',
      expected: '</v2/app/tags/list?c=d>; rel="next"',
    },
    { link: '</v2/acme/app/tags/list>; rel="next"', expected: null },
    { link: '</v2/acme/app/tags/list?n=1>; rel="prev"', expected: null },
  ];
  for (const { link, expected } of table) {
    const { ask, stub } = createRelayWorld();
    const list = { name: "acme/app", tags: ["v1", "v2"], child: [] };
    stub.contents.set("acme/app/tags/list", tagsOf(list, link === undefined ? {} : { link }));
    const response = await ask("/v2/app/tags/list?n=2");
    assertEquals(response.headers.get("link"), expected);
    const { status, headers, body } = await tell(response);
    assertEquals([status, headers["content-type"]], [200, "application/json"]);
    assertEquals(JSON.parse(body), { name: "app", tags: ["v1", "v2"], child: [] });
    const { headers: head, body: none } = await tell(
      await ask("/v2/app/tags/list?n=2", { method: "HEAD" }),
    );
    assertEquals([head, none], [headers, ""]);
  }
});

Deno.test("queries go along to the upstream", async () => {
  const { ask, stub, taken } = createRelayWorld({ stub: { realm: null } });
  stub.contents.set("acme/app/tags/list", tagsOf({ tags: [] }));
  await ask("/v2/app/tags/list?n=2&last=v1&ns=registry.example");
  assertEquals(taken(), ["GET app/tags/list?n=2&last=v1"]);
  stub.contents.set(`acme/app/referrers/${first.digest}`, tagsOf({ manifests: [] }));
  await ask(`/v2/app/referrers/${first.digest}?artifactType=a%2Fb`);
  assertEquals(taken(), [`GET app/referrers/${first.digest}?artifactType=a%2Fb`]);
});

Deno.test("referrers are handed on, with what filters them and where the next page is", async () => {
  const { ask, stub } = createRelayWorld();
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [] };
  stub.contents.set(
    `acme/app/referrers/${first.digest}`,
    tagsOf(index, {
      "oci-filters-applied": "artifactType",
      link: `</v2/acme/app/referrers/${first.digest}?last=x>; rel="next"`,
    }),
  );
  const { status, headers, body } = await tell(await ask(`/v2/app/referrers/${first.digest}`));
  assertEquals(status, 200);
  assertEquals(headers, {
    "content-type": INDEX,
    "content-length": String(body.length),
    "cache-control": "no-transform",
    "oci-filters-applied": "artifactType",
    link: `</v2/app/referrers/${first.digest}?last=x>; rel="next"`,
  });
  assertEquals(JSON.parse(body), index);
});

Deno.test("a list that is missing is missing, so that clients use the fallback tag", async () => {
  const { ask, add, taken, clock } = createRelayWorld();
  add("acme/app", "v1", first);
  assertEquals(
    await codeOf(await ask(`/v2/app/referrers/${first.digest}`)),
    "404 MANIFEST_UNKNOWN",
  );
  taken();
  assertEquals((await ask(`/v2/app/referrers/${first.digest}`)).status, 404);
  assertEquals(taken(), []);
  await clock.pass(30_000);
  assertEquals((await ask(`/v2/app/referrers/${first.digest}`)).status, 404);
  assertEquals(await codeOf(await ask("/v2/none/tags/list")), "404 NAME_UNKNOWN");
});

Deno.test("a failed token makes no 404 for signatures", async () => {
  const tag = `sha256-${"0".repeat(64)}`;
  const paths = [
    `/v2/app/referrers/${first.digest}`,
    `/v2/app/manifests/${tag}.sig`,
    `/v2/app/manifests/${tag}`,
  ];
  for (const path of paths) {
    for (
      const replyToken of [
        () => new Response(null, { status: 403 }),
        () => new Response(null, { status: 500 }),
        () => new Response("none"),
      ]
    ) {
      const { ask, add } = createRelayWorld({ stub: { replyToken } });
      add("acme/app", "v1", first);
      assertEquals(await codeOf(await ask(path)), "503 UNAVAILABLE");
    }
    // With a token, what the registry says counts.
    const { ask, add } = createRelayWorld();
    add("acme/app", "v1", first);
    assertEquals((await ask(path)).status, 404);
  }
});

Deno.test("a list that has not the form of one reaches nobody", async () => {
  const bodies = [
    "",
    "{",
    "[]",
    "null",
    "5",
    '{"tags":5}',
    '{"tags":[5]}',
    '{"manifests":{}}',
    "{}",
  ];
  const replies = [
    ...bodies.map((body) => () => new Response(body)),
    () => new Response(new Uint8Array(9_000_000)),
    () => new Response(new ReadableStream({ pull: (it) => it.enqueue(new Uint8Array(100_000)) })),
    () => new Response(new ReadableStream({ pull: (it) => it.error(new Error("reset")) })),
    () => new Response(null, { status: 206 }),
    () => new Response(null, { status: 302, headers: { location: "https://elsewhere.example/" } }),
    () => new Response(null, { status: 500 }),
  ];
  for (const reply of replies) {
    const { ask, stub } = createRelayWorld();
    stub.contents.set("acme/app/tags/list", reply);
    stub.contents.set(`acme/app/referrers/${first.digest}`, reply);
    for (const path of ["tags/list", `referrers/${first.digest}`]) {
      assertEquals(await codeOf(await ask(`/v2/app/${path}`)), "503 UNAVAILABLE");
    }
  }
});

Deno.test("a list that is redirected is not followed", async () => {
  const headers = { location: "https://evil.example/list" };
  const { ask, stub, elsewhere } = createRelayWorld({
    stub: { realm: null, reply: () => new Response(null, { status: 307, headers }) },
  });
  assertEquals(await codeOf(await ask("/v2/app/tags/list")), "503 UNAVAILABLE");
  assertEquals([stub.got.length, elsewhere], [1, []]);
});

Deno.test("a repository without tags has none", async () => {
  const { ask, stub } = createRelayWorld();
  stub.contents.set("acme/app/tags/list", tagsOf({ name: "acme/app", tags: null }));
  assertEquals(await (await ask("/v2/app/tags/list")).json(), { name: "app", tags: null });
});

Deno.test("clients that wait for the same list ask once", async () => {
  const { ask, stub, taken } = createRelayWorld({ stub: { realm: null } });
  stub.contents.set("acme/app/tags/list", tagsOf({ tags: ["v1"] }));
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask("/v2/app/tags/list")));
  assertEquals(
    await Promise.all(answers.map((answer) => answer.json())),
    Array(5).fill({ name: "app", tags: ["v1"] }),
  );
  assertEquals(taken(), ["GET app/tags/list"]);
});

Deno.test("tags: relay relays lists of tags alone", async () => {
  const { ask, stub, taken } = createRelayWorld({
    config: {
      ...RELAYING,
      upstreams: { main: { endpoint: "https://ghcr.example", path: "acme", tags: "relay" } },
    },
    stub: { realm: null },
  });
  stub.contents.set("acme/app/tags/list", tagsOf({ name: "acme/app", tags: ["v1"] }));
  assertEquals(await (await ask("/v2/app/tags/list")).json(), { name: "app", tags: ["v1"] });
  taken();
  for (const path of ["manifests/v1", `referrers/${first.digest}`, `blobs/${first.digest}`]) {
    const response = await ask(`/v2/app/${path}`);
    assertEquals(response.headers.get("location"), `https://ghcr.example/v2/acme/app/${path}`);
  }
  assertEquals(taken(), []);
});

Deno.test("repositories that are elsewhere under another name are called by ours", async () => {
  const { ask, stub, add } = createRelayWorld({
    config: { ...RELAYING, repositories: { "charts/*": { as: "helm-*" } } },
  });
  stub.contents.set(
    "acme/helm-web/tags/list",
    tagsOf({ name: "acme/helm-web", tags: ["v1"] }, {
      link: '</v2/acme/helm-web/tags/list?last=v1>; rel="next"',
    }),
  );
  add("acme/helm-web", "v1", first);
  const response = await ask("/v2/charts/web/tags/list");
  assertEquals(response.headers.get("link"), '</v2/charts/web/tags/list?last=v1>; rel="next"');
  assertEquals(await response.json(), { name: "charts/web", tags: ["v1"] });
  assertEquals((await ask("/v2/charts/web/manifests/v1")).status, 200);
});

Deno.test("tryNextQuery() finds the next page among other links", () => {
  const table = [
    { asked: '<a?p=1>; rel="prev", <b?p=2>; rel="next"', expected: "?p=2" },
    { asked: "<b?p=2>;rel=next", expected: "?p=2" },
    { asked: '<b?p=2>; title="x"; rel="first next"', expected: "?p=2" },
    { asked: '<b?p=2#f>; rel="NEXT"', expected: "?p=2" },
    { asked: '<b?p=2>; rel="nextish"', expected: undefined },
    { asked: "<b?p=2>; rel=nextish", expected: undefined },
    { asked: '<b?p=2>; title="rel=next"', expected: undefined },
    { asked: "b?p=2; rel=next", expected: undefined },
    { asked: `<b?p=${"2".repeat(9000)}>; rel=next`, expected: undefined },
    { asked: "<b?>; rel=next", expected: undefined },
    { asked: "<b?ns=x>; rel=next", expected: undefined },
    { asked: "", expected: undefined },
    { asked: null, expected: undefined },
  ];
  for (const { asked, expected } of table) {
    assertEquals(tryNextQuery(asked), expected, String(asked).slice(0, 60));
  }
  tryNextQuery(`<${";a=b".repeat(2000)}`);
  tryNextQuery(`<a>${' ; a="b"'.repeat(1000)}`);
});
