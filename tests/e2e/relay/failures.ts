/**
 * Pulls while an upstream or its token service fails, or asks for fewer requests.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Entrance } from "../clients/client.ts";
import { runAnyhow } from "../run.ts";
import { REMAINING, type Reply } from "../token_registry.ts";
import { formatUpstream, type Relayed, startRelaying } from "./entrance.ts";
import { blobsIn, watch } from "./logs.ts";
import type { RelayStage } from "./stage.ts";

// As short as may be: what is remembered is old at once.
const OLD_AT_ONCE = "relay: { tag_ttl_s: 1, stale_s: 600, timeout_ms: 500 }";
const STALE = "pulls are served from memory because their upstream fails";

const answer = (status: number, headers: HeadersInit = {}): Reply => () =>
  new Response(null, { status, headers });
// Until whoever asks has left, or the server could not be stopped.
const hang: Reply = ({ signal }) =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(new Response()), { once: true });
  });

/** What was pulled once is pulled again while the upstream fails, in whatever way. */
export async function pullWithoutUpstream(stage: RelayStage, test: Deno.TestContext) {
  const { streaming, mirror, contents: { large } } = stage;
  const failures = [
    { what: "answers 500", reply: answer(500), clients: pullersOf(stage) },
    { what: "hangs", reply: hang, clients: pullersOf(stage).slice(0, 1) },
  ];
  for (const { what, reply, clients } of failures) {
    await test.step(`an upstream that ${what}`, async () => {
      const relaying = { registry: streaming, mirror, more: OLD_AT_ONCE };
      await using relayed = await startRelaying(stage, relaying);
      const { program, entrance } = relayed;
      for (const pull of clients) await pull(entrance, `:${large.tag}`);
      streaming.fail(reply);
      await untilOld(relayed, () => clients[0]!(entrance, `:${large.tag}`));
      const { logs } = await watch(stage, async () => {
        for (const pull of clients) {
          for (const reference of [`:${large.tag}`, `@${large.digest}`]) {
            await pull(entrance, reference);
          }
        }
      });
      streaming.fail(undefined);
      assertEquals(blobsIn(logs.mirror), large.blobs.toSorted());
      assertEquals(program.events.filter(({ message }) => message === STALE).length, 1);
      assert(await program.metric("archeio_relayed_total", `result="stale"`) >= clients.length);
    });
  }
}

type Puller = (entrance: Entrance, reference: string) => Promise<void>;

/** Those that pull an image for one platform. podman does it as skopeo does. */
function pullersOf({ clients, podman, docker, contents: { large } }: RelayStage): Puller[] {
  const pullers = clients.filter((client) => client !== podman).map(
    (client): Puller => async (entrance, reference) =>
      assertEquals(await client.pull(entrance, large, reference), large.digest),
  );
  if (docker === undefined) return pullers;
  return [...pullers, ({ host }, reference) => docker.pull(`${host}/${large.name}${reference}`)];
}

/** Pulls until what is remembered of a failing upstream is served though it is old. */
async function untilOld({ program }: Relayed, pull: () => Promise<void>): Promise<void> {
  while (await program.metric("archeio_relayed_total", `result="stale"`) === 0) await pull();
}

/** An answer's status and headers, by curl. */
async function statusOf(url: string): Promise<{ status: string; head: string; body: string }> {
  const { out } = await runAnyhow("curl", ["-sS", "--include", url]);
  const [head = "", body = ""] = out.split("\r\n\r\n");
  return { status: head.split(" ")[1] ?? "", head, body };
}

/** A token service that fails is no reason to say that something is not there. */
export async function pullWithoutTokens(stage: RelayStage, test: Deno.TestContext) {
  const { redirecting, skopeo, contents: { app, large } } = stage;
  await test.step("a token service that fails, then works, then fails again", async () => {
    await using relayed = await startRelaying(stage, { registry: redirecting });
    const { entrance: { host }, entrance } = relayed;
    redirecting.failTokens(answer(500));
    for (const path of ["app/manifests/v1", `app/manifests/${app.digest}`, "app/tags/list"]) {
      const { status, head, body } = await statusOf(`http://${host}/v2/${path}`);
      assertEquals([status, JSON.parse(body).errors[0].code], ["503", "UNAVAILABLE"], path);
      assert(/^retry-after: \d+$/im.test(head), head);
    }
    redirecting.failTokens(undefined);
    await untilStatus(`http://${host}/v2/app/manifests/v1`, "200");
    redirecting.failTokens(answer(500));
    assertEquals(await skopeo.pull(entrance, app, `:${app.tag}`), app.digest);
    // One of another repository has no token.
    const { status } = await statusOf(`http://${host}/v2/${large.name}/manifests/v1`);
    assertEquals(status, "503");
    redirecting.failTokens(undefined);
  });
}

async function untilStatus(url: string, expected: string): Promise<void> {
  while ((await statusOf(url)).status !== expected);
}

const RETRY_AFTER_S = 7;

/** While the upstream asks for fewer requests, what is remembered is served. */
export async function pullSlowly(stage: RelayStage, test: Deno.TestContext): Promise<void> {
  const { redirecting, skopeo, mirror, contents: { app, large } } = stage;
  await test.step("an upstream that says 429", async () => {
    await using relayed = await startRelaying(stage, {
      registry: redirecting,
      mirror,
      more: OLD_AT_ONCE,
    });
    const { program, entrance, entrance: { host } } = relayed;
    await skopeo.pull(entrance, large, `:${large.tag}`);
    const left = await program.metric("archeio_relay_rate_limit_remaining");
    assertEquals(left, parseInt(REMAINING));
    redirecting.fail(answer(429, { "retry-after": String(RETRY_AFTER_S) }));
    await untilOld(relayed, async () => void await skopeo.pull(entrance, large, `:${large.tag}`));
    const { logs } = await watch(stage, async () => {
      for (const reference of [`:${large.tag}`, `@${large.digest}`]) {
        assertEquals(await skopeo.pull(entrance, large, reference), large.digest);
      }
      const { status, head, body } = await statusOf(
        `http://${host}/v2/app/manifests/${app.digest}`,
      );
      assertEquals([status, JSON.parse(body).errors[0].code], ["429", "TOOMANYREQUESTS"]);
      const [, seconds] = /^retry-after: (\d+)\r?$/im.exec(head) ?? [];
      assert(Number(seconds) > 0 && Number(seconds) <= RETRY_AFTER_S, head);
    });
    redirecting.fail(undefined);
    // Whoever says how long is not asked in the meantime.
    assertEquals(logs.redirecting, []);
  });
}

/** What is hidden stays so, with whatever a client brings along. */
export async function pullHidden(stage: RelayStage, test: Deno.TestContext): Promise<void> {
  const { streaming, redirecting } = stage;
  for (const [what, registry] of [["ghcr.io", streaming], ["Docker Hub", redirecting]] as const) {
    await test.step(`what nobody may see, in the manner of ${what}`, async () => {
      await using relayed = await startRelaying(stage, { registry });
      registry.hide(true);
      const url = `http://${relayed.entrance.host}/v2/app/manifests/v1`;
      const { status, body } = await statusOf(url);
      registry.hide(false);
      assertEquals([status, JSON.parse(body).errors[0].code], ["404", "MANIFEST_UNKNOWN"]);
    });
  }
  await test.step("what no entry names, of an upstream with credentials", async () => {
    await using relayed = await startRelaying(stage, {
      registry: streaming,
      upstream: formatUpstream(streaming, "http"),
      signedIn: true,
    });
    const { logs } = await watch(stage, async () => {
      const url = `http://${relayed.entrance.host}/v2/large/manifests/v1`;
      assertEquals((await statusOf(url)).status, "404");
    });
    assertEquals(logs.streaming.filter(({ path }) => path.includes("/large/")), []);
  });
}
