import { assert, assertEquals } from "@std/assert";
import type { Reply } from "../mirrors/fake_servers.ts";
import {
  BLOB,
  CDN,
  CLIENTS,
  CONFIG,
  type ConfigFile,
  createWorld,
  DIGEST,
  INFO_PAGE,
  locationOf,
  MAIN,
  OTHER_DIGEST,
  PARIS,
  patiently,
  SIGNATURES,
  SIGNED_CONFIG,
} from "./fixture.ts";

const HEX = "0123456789abcdef".repeat(4);
const MANIFEST = `/v2/kube-proxy/manifests/${DIGEST}`;
const client = CLIENTS.elsewhere;
const FOUND = 200;

Deno.test("a handler sends to the signature upstream what the upstream does not have", async () => {
  const cases: readonly { answer: Reply; signature: boolean }[] = [
    { answer: 200, signature: false },
    { answer: 307, signature: false },
    { answer: 401, signature: false },
    { answer: 403, signature: false },
    { answer: 404, signature: true },
    { answer: 429, signature: false },
    { answer: 500, signature: false },
    { answer: "refuses", signature: false },
    { answer: "hangs", signature: false },
  ];
  for (const kind of ["manifests", "blobs"]) {
    for (const { answer, signature } of cases) {
      const path = `kube-proxy/${kind}/${DIGEST}`;
      const { handle, asked, clock } = await createWorld(
        { ...SIGNED_CONFIG, rules: [] },
        { [MAIN + path]: answer },
      );
      const expected = `${signature ? SIGNATURES : MAIN}${path}?a=b`;
      const shown = `${kind}: ${answer}`;
      const first = handle(`/v2/${path}?ns=x&a=b`, { client });
      assert(first instanceof Promise, shown);
      assertEquals(await locationOf(await patiently(clock, first)), expected, shown);
      const again = handle(`/v2/${path}?a=b`, { client, method: "HEAD" });
      assert(again instanceof Response, shown);
      assertEquals(await locationOf(again), expected, shown);
      assertEquals(asked, [MAIN + path], shown);
    }
  }
});

Deno.test("a handler asks the upstream about a blob only when no mirror has it", async () => {
  const { handle, asked } = await createWorld(SIGNED_CONFIG, { [CDN + OTHER_DIGEST]: FOUND });
  const other = `/v2/kube-proxy/blobs/${OTHER_DIGEST}`;
  assertEquals(await locationOf(handle(other, { client })), CDN + OTHER_DIGEST);
  assertEquals(asked, [CDN + OTHER_DIGEST]);
  const upstream = `${MAIN}kube-proxy/blobs/${DIGEST}`;
  assertEquals(
    await locationOf(handle(BLOB, { client: CLIENTS.paris })),
    `${SIGNATURES}kube-proxy/blobs/${DIGEST}`,
  );
  assertEquals(asked.slice(1), [PARIS + DIGEST, CDN + DIGEST, upstream]);
});

Deno.test("a handler asks the upstream again, soon when it failed or had nothing", async () => {
  const path = `kube-proxy/manifests/${DIGEST}`;
  const config = { ...SIGNED_CONFIG, probe: { found_ttl_s: 60, missing_ttl_s: 5 } };
  const cases: readonly { answer: Reply; ttlMs: number }[] = [
    { answer: 200, ttlMs: 60_000 },
    { answer: 307, ttlMs: 60_000 },
    { answer: 404, ttlMs: 5000 },
    { answer: 500, ttlMs: 5000 },
    { answer: "refuses", ttlMs: 5000 },
  ];
  for (const { answer, ttlMs } of cases) {
    const { handle, asked, clock } = await createWorld(config, { [MAIN + path]: answer });
    await handle(`/v2/${path}`);
    await clock.pass(ttlMs - 200);
    assert(handle(`/v2/${path}`) instanceof Response, `${answer}`);
    await clock.pass(200);
    assert(handle(`/v2/${path}`) instanceof Promise, `${answer}`);
    assertEquals(asked.length, 2);
  }
});

Deno.test("a handler that asks enough already takes the upstream to have everything", async () => {
  const { handle, asked, stop } = await createWorld(
    { ...SIGNED_CONFIG, rules: [], probe: { max_in_flight: 1 } },
    { [`${MAIN}kube-proxy/manifests/${DIGEST}`]: "hangs" },
  );
  const waiting = handle(MANIFEST);
  for (const kind of ["manifests", "blobs"]) {
    const path = `kube-proxy/${kind}/${OTHER_DIGEST}`;
    const answer = handle(`/v2/${path}`, { client });
    assert(answer instanceof Response);
    assertEquals(await locationOf(answer), MAIN + path);
  }
  assertEquals(asked.length, 1);
  stop();
  assertEquals(await locationOf(waiting), `${MAIN}kube-proxy/manifests/${DIGEST}`);
});

Deno.test("a handler does not ask about a name that is longer than any should be", async () => {
  const { handle, asked } = await createWorld(SIGNED_CONFIG);
  const path = `${"a".repeat(60_000)}/manifests/${DIGEST}`;
  assertEquals(await locationOf(handle(`/v2/${path}`)), MAIN + path);
  assertEquals(asked, []);
});

Deno.test("a handler asks nothing when the signature upstream is the upstream", async () => {
  const { handle, asked } = await createWorld({ ...CONFIG, rules: [], signature_upstream: "main" });
  for (const kind of ["manifests", "blobs"]) {
    const path = `kube-proxy/${kind}/${DIGEST}`;
    assertEquals(await locationOf(handle(`/v2/${path}`, { client })), MAIN + path);
  }
  assertEquals(asked, []);
});

Deno.test("a handler sends a rule's clients to the rule's upstream for everything", async () => {
  const rules = [
    { clients: ["gcp/*"], mirrors: ["cdn"], upstream: "google" },
    { clients: ["*"], mirrors: ["cdn"] },
  ];
  const google = "https://google.example/v2/";
  const upstreams = {
    ...CONFIG.upstreams as ConfigFile,
    google: { endpoint: "https://google.example" },
  };
  const { handle } = await createWorld({ ...CONFIG, upstreams, rules });
  const paths = [
    "a/b/manifests/v1",
    `a/b/manifests/sha256-${HEX}.sig`,
    `a/b/manifests/${DIGEST}`,
    `a/b/blobs/${DIGEST}`,
    `a/b/referrers/${DIGEST}?artifactType=x`,
    "a/b/tags/list?n=1",
  ];
  for (const path of paths) {
    const atGoogle = await handle(`/v2/${path}`, { client: CLIENTS.google });
    assertEquals(await locationOf(atGoogle), google + path);
    assertEquals(await locationOf(handle(`/v2/${path}`, { client })), MAIN + path);
    const unlocated = await handle(`/v2/${path}`, { client: "no address" });
    assertEquals(unlocated.status, 400);
    await unlocated.body?.cancel();
  }
  assertEquals(await locationOf(handle("/", { client: "no address" })), INFO_PAGE);
  assertEquals((await handle("/v2/", { client: "no address" })).status, 200);
});

Deno.test("a handler asks a rule's upstream before it turns to the signature upstream", async () => {
  const rules = [{ clients: ["gcp/*"], upstream: "google" }];
  const google = "https://google.example/v2/";
  const upstreams = {
    ...CONFIG.upstreams as ConfigFile,
    google: { endpoint: "https://google.example" },
  };
  const path = `kube-proxy/manifests/${DIGEST}`;
  const { handle, asked } = await createWorld(
    { ...SIGNED_CONFIG, upstreams, rules },
    { [MAIN + path]: 404, [google + path]: 200 },
  );
  assertEquals(await locationOf(handle(`/v2/${path}`, { client: CLIENTS.google })), google + path);
  assertEquals(await locationOf(handle(`/v2/${path}`, { client })), SIGNATURES + path);
  assertEquals(asked, [google + path, MAIN + path]);
});

Deno.test("a handler leaves an upstream alone for a while that fails several times in a row", async () => {
  const { answer, handle, answers, asked, clock } = await createWorld(SIGNED_CONFIG);
  const pathOf = (at: number) => `a${at}/manifests/${DIGEST}`;
  for (let at = 0; at < 5; at++) {
    answers.set(MAIN + pathOf(at), 500);
    assertEquals(await locationOf(await answer(`/v2/${pathOf(at)}`)), MAIN + pathOf(at));
  }
  const unasked = handle(`/v2/${pathOf(5)}`);
  assert(unasked instanceof Response);
  assertEquals(await locationOf(unasked), MAIN + pathOf(5));
  assertEquals(asked.length, 5);
  await clock.pass(5000);
  assertEquals(await locationOf(await answer(`/v2/${pathOf(5)}`)), SIGNATURES + pathOf(5));
});
