/**
 * Lists of tags in pages, and of what refers to an image.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { PARTS_LIST } from "../attachments.ts";
import { curl, getJson, head } from "../clients/curl.ts";
import { tagOf } from "../digest.ts";
import { run } from "../run.ts";
import { formatUpstream, type Relayed, startRelaying } from "./entrance.ts";
import { PAGE, PATH, type RelayStage } from "./stage.ts";

/** Clients get all tags of a registry that lists few of them at a time. */
export async function listTags(stage: RelayStage, test: Deno.TestContext): Promise<void> {
  const { streaming } = stage;
  for (const way of ["pull: relay", "tags: relay"]) {
    await using relayed = await startRelaying(stage, {
      registry: streaming,
      upstream: formatUpstream(streaming, "http", way),
    });
    await test.step(`tags in pages, ${way}`, () => assertTags(stage, relayed));
  }
}

async function assertTags({ contents, skopeo }: RelayStage, { entrance }: Relayed): Promise<void> {
  const { name, tags } = contents.tagged;
  assertEquals((await skopeo.listTags(entrance, name)).toSorted(), tags.toSorted());
  const pages: string[][] = [];
  let path: string | undefined = `/v2/${name}/tags/list`;
  while (path !== undefined) {
    const page: Page = await getPage(entrance.host, path);
    assertEquals(page.name, name);
    pages.push([...page.tags]);
    path = page.next;
  }
  assertEquals(pages.flat(), tags.toSorted());
  assertEquals(pages.map(({ length }) => length), [PAGE, PAGE, tags.length - 2 * PAGE]);
}

interface Page {
  readonly name: string;
  readonly tags: readonly string[];
  /** The path of the next page. */
  readonly next: string | undefined;
}

async function getPage(host: string, path: string): Promise<Page> {
  const [headers = "", body = ""] =
    (await run("curl", ["-sS", "--fail", "--include", `http://${host}${path}`])).split("\r\n\r\n");
  const link = /^link: (.*)$/im.exec(headers)?.[1];
  if (link !== undefined) assertMatch(link, /^<\/v2\/[^>]+>; rel="next"$/);
  return { ...JSON.parse(body), next: link && /^<(.+)>/.exec(link)![1] };
}

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

/**
 * A signature, and what refers to an image, is found and pulled by digest, whether clients are
 * redirected to the registry that has it or what they pull is fetched for them.
 */
export async function pullSignatures(stage: RelayStage, test: Deno.TestContext): Promise<void> {
  const { streaming, signing } = stage;
  const plain = (origin: string) => `endpoint: "http://${origin}", path: ${PATH}`;
  const relaying = formatUpstream(signing, "http");
  const ways = [
    { what: "both relayed", main: undefined, signatures: relaying },
    { what: "redirected to the images", main: plain(streaming.origin), signatures: relaying },
    { what: "redirected to the signatures", main: undefined, signatures: plain(signing.origin) },
  ];
  for (const { what, main, signatures } of ways) {
    await using relayed = await startRelaying(stage, {
      registry: streaming,
      upstream: main,
      upstreams: `  signing: { ${signatures} }`,
      more: "signature_upstream: signing",
    });
    await test.step(`signatures, ${what}`, () => assertSigned(stage, relayed));
    if (signatures !== relaying) continue;
    await test.step(`referrers, ${what}`, () => assertReferrers(stage, relayed));
  }
}

async function assertSigned({ contents, skopeo }: RelayStage, { entrance }: Relayed) {
  const { app, signature } = contents;
  for (const client of [skopeo, curl]) {
    for (const reference of [`:${signature.tag}`, `@${signature.digest}`]) {
      assertEquals(await client.pull(entrance, signature, reference), signature.digest);
    }
  }
  for (const digest of signature.blobs) await head(entrance, `/v2/app/blobs/${digest}`);
  // What is no signature still comes from where it is.
  assertEquals(await skopeo.pull(entrance, app, `@${app.digest}`), app.digest);
}

async function assertReferrers({ contents }: RelayStage, { entrance }: Relayed): Promise<void> {
  const { app, partsList } = contents;
  const path = `/v2/app/referrers/${app.digest}`;
  const table = [
    { asked: path, expected: [partsList.digest] },
    {
      asked: `${path}?artifactType=${encodeURIComponent(PARTS_LIST)}`,
      expected: [partsList.digest],
    },
    { asked: `${path}?artifactType=application/other`, expected: [] },
    { asked: `/v2/app/manifests/${tagOf(app.digest)}`, expected: [partsList.digest] },
  ];
  for (const { asked, expected } of table) {
    const { manifests } = await getJson<Index>(entrance, asked);
    assertEquals(manifests.map(({ digest }) => digest), expected, asked);
  }
  const pulled = await curl.pull(entrance, partsList, `@${partsList.digest}`);
  assertEquals(pulled, partsList.digest);
}
