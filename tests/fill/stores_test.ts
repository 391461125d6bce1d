import { assert, assertEquals, assertMatch } from "@std/assert";
import { failed } from "../../lib/fill/failure.ts";
import type { Store } from "../../lib/fill/store.ts";
import type { CredentialsProvider } from "../../lib/fill/stores/credentials.ts";
import { createFolderStore } from "../../lib/fill/stores/folder.ts";
import { createS3Store, type S3StoreOptions } from "../../lib/fill/stores/s3.ts";
import { openStateFolder } from "../../lib/fill/stores/state_folder.ts";
import { temporaryFolder } from "../cli/program.ts";
import { createBytes, digestOf, piecesOf } from "./fixture.ts";
import { type Bucket, s3Error, serveBucket } from "./served.ts";

const never = new AbortController().signal;
const LARGE = createBytes(2_000_000, 1);
const SMALL = createBytes(1000, 2);

function createJournal() {
  const left = new Set<string>();
  return {
    left,
    began: (id: string) => Promise.resolve(void left.add(id)),
    ended: (id: string) => Promise.resolve(void left.delete(id)),
  };
}

const KEYS: CredentialsProvider = {
  get: () => Promise.resolve({ kind: "credentials", accessKeyId: "me", secretAccessKey: "s3cret" }),
  forget() {},
};

function createStore(url: string, more: Partial<S3StoreOptions> = {}): Store {
  return createS3Store({
    bucket: { endpoint: url, region: "auto", bucket: "blobs", style: "path" },
    key: "images/{digest}",
    journal: createJournal(),
    fetch,
    credentials: KEYS,
    turn: () => Promise.resolve(),
    timeOfDay: Date.now,
    later(ms, work) {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    ...more,
  });
}

async function upload(store: Store, bytes: Uint8Array<ArrayBuffer>, digest = digestOf(bytes)) {
  const upload = store.begin(digest, bytes.length, never);
  for (const piece of piecesOf(bytes, 65_536)) {
    const written = await upload.write(piece);
    if (written.kind === "failed") {
      await upload.abort();
      return written;
    }
  }
  return await upload.finish();
}

async function list(store: Store) {
  const listed: string[] = [];
  const onBlob = ({ digest, size }: { digest: string; size: number }) =>
    void listed.push(`${digest} ${size}`);
  const outcome = await store.list({ onBlob, signal: never });
  return outcome.kind === "done" ? listed.toSorted() : outcome;
}

async function withBucket(use: (bucket: Bucket) => Promise<void>): Promise<void> {
  await using bucket = serveBucket();
  await use(bucket);
}

Deno.test("an S3 store streams, writes whole, lists in pages, and deletes", () =>
  withBucket(async (bucket) => {
    const store = createStore(bucket.url);
    assertEquals([store.host, store.place], [new URL(bucket.url).host, "s3://blobs"]);
    assertEquals(await upload(store, LARGE), { kind: "done" });
    assertEquals(await store.put(digestOf(SMALL), SMALL, never), { kind: "done" });
    const sha512 = digestOf(SMALL, "sha512");
    assertEquals(await upload(store, SMALL, sha512), { kind: "done" });
    const empty = new Uint8Array();
    assertEquals(await upload(store, empty), { kind: "done" });
    bucket.objects.set("images/other", empty);
    bucket.objects.set(`images/${digestOf(LARGE)}.bak`, empty);
    assertEquals(
      await list(store),
      [
        `${digestOf(LARGE)} ${LARGE.length}`,
        `${digestOf(SMALL)} ${SMALL.length}`,
        `${sha512} ${SMALL.length}`,
        `${digestOf(empty)} 0`,
      ].toSorted(),
    );
    assertEquals(bucket.objects.get(`images/${digestOf(LARGE)}`), LARGE);
    bucket.classes.set(`images/${digestOf(LARGE)}`, "DEEP_ARCHIVE");
    assertEquals((await list(store) as string[]).length, 3);
    assertEquals(await store.remove([digestOf(SMALL)], never), { kind: "done" });
    assertEquals(bucket.objects.has(`images/${digestOf(SMALL)}`), false);
  }));

Deno.test("an S3 store writes in parts above a size, and leaves none unfinished", () =>
  withBucket(async (bucket) => {
    const journal = createJournal();
    const sizes = { single: 500_000, part: 600_000 };
    const store = createStore(bucket.url, { journal, sizes });
    assertEquals(await upload(store, LARGE), { kind: "done" });
    assertEquals(bucket.objects.get(`images/${digestOf(LARGE)}`), LARGE);
    assertEquals([bucket.uploads.size, journal.left.size], [0, 0]);

    const aborted = store.begin(digestOf(SMALL), LARGE.length, never);
    await aborted.write(LARGE.slice(0, 1_700_000));
    assertEquals(journal.left.size, 1);
    await aborted.abort();
    assertEquals([bucket.uploads.size, journal.left.size], [0, 0]);
    await store.begin(digestOf(SMALL), LARGE.length, never).abort();

    const killed = store.begin(digestOf(SMALL), LARGE.length, never);
    await killed.write(LARGE.slice(0, 10));
    bucket.uploads.set("of others", { key: "elsewhere/1", parts: [] });
    bucket.uploads.set("old", { key: `images/${digestOf(SMALL)}`, parts: [] });
    assertEquals(await store.tidy(never), { kind: "done" });
    assertEquals([...bucket.uploads.keys()], ["of others"]);
    assertEquals(journal.left.size, 0);
    await killed.abort();
    bucket.lastModified = new Date().toISOString();
    bucket.uploads.set("of another machine", { key: `images/${digestOf(SMALL)}`, parts: [] });
    assertEquals(await store.tidy(never), { kind: "done" });
    assertEquals(bucket.uploads.size, 2);
    assertEquals(await store.tryWrite(never), { kind: "done" });
    assertEquals(bucket.uploads.size, 2);
  }));

Deno.test("an S3 store tells what goes wrong with parts, and completes none of it", () =>
  withBucket(async (bucket) => {
    const sizes = { single: 500_000, part: 600_000 };
    const table: {
      name: string;
      when: (request: Request) => boolean;
      answer: () => Response;
      reason: RegExp;
    }[] = [
      {
        name: "not created",
        when: ({ method, url }) => method === "POST" && url.includes("uploads="),
        answer: () => s3Error(403, "AccessDenied"),
        reason: /403 AccessDenied/,
      },
      {
        name: "no id",
        when: ({ method, url }) => method === "POST" && url.includes("uploads="),
        answer: () => new Response("<Result></Result>"),
        reason: /no multipart upload/,
      },
      {
        name: "part refused",
        when: ({ url }) => url.includes("partNumber=2"),
        answer: () => s3Error(400, "BadDigest"),
        reason: /400 BadDigest/,
      },
      {
        name: "lost while it is written",
        when: ({ url }) => url.includes("partNumber=2"),
        answer: () => s3Error(404, "NoSuchUpload"),
        reason: /404 NoSuchUpload/,
      },
      {
        name: "lost before it is completed",
        when: ({ method, url }) => method === "POST" && url.includes("uploadId="),
        answer: () => s3Error(404, "NoSuchUpload"),
        reason: /404 NoSuchUpload/,
      },
      {
        name: "part without ETag",
        when: ({ url }) => url.includes("partNumber=1"),
        answer: () => new Response(""),
        reason: /no ETag/,
      },
      {
        name: "completion fails after 200",
        when: ({ method, url }) => method === "POST" && url.includes("uploadId="),
        answer: () =>
          new Response('<?xml version="1.0"?>\n<Error><Code>InternalError</Code></Error>'),
        reason: /InternalError/,
      },
    ];
    for (const { name, when, answer, reason } of table) {
      const journal = createJournal();
      const store = createStore(bucket.url, { journal, sizes });
      bucket.instead = (request) => when(request) ? drained(request, answer()) : undefined;
      const outcome = await upload(store, LARGE);
      bucket.instead = () => undefined;
      assert(outcome.kind === "failed", name);
      assertMatch(outcome.reason, reason);
      await store.tidy(never);
      assertEquals([bucket.objects.size, bucket.uploads.size, journal.left.size], [0, 0, 0], name);
      const tried = await (async () => {
        bucket.instead = (request) => when(request) ? answer() : undefined;
        const outcome = await store.tryWrite(never);
        bucket.instead = () => undefined;
        return outcome;
      })();
      if (name === "not created" || name === "no id") assertEquals(tried.kind, "failed");
    }
  }));

Deno.test("an S3 store says so when it cannot create, go on with or abort an upload in parts", () =>
  withBucket(async (bucket) => {
    const journal = createJournal();
    const sizes = { single: 500_000, part: 600_000 };
    const store = createStore(bucket.url, { journal, sizes });
    bucket.instead = ({ method }) => method === "POST" ? s3Error(403, "AccessDenied") : undefined;
    const never = new AbortController().signal;
    const uncreated = store.begin(digestOf(SMALL), LARGE.length, never);
    assertEquals((await uncreated.finish()).kind, "failed");
    bucket.instead = () => undefined;
    const begun = store.begin(digestOf(SMALL), LARGE.length, never);
    await begun.write(LARGE.slice(0, 10));
    bucket.instead = ({ method }) => method === "DELETE" ? s3Error(403, "AccessDenied") : undefined;
    await begun.abort();
    assertEquals(journal.left.size, 1);
    assertEquals((await store.tidy(never)).kind, "failed");
    bucket.instead = (request) =>
      request.url.includes("partNumber=") ? s3Error(400, "EntityTooLarge") : undefined;
    const refused = store.begin(digestOf(SMALL), LARGE.length, never);
    let outcome = await refused.write(LARGE.slice(0, 500_000));
    for (let count = 0; count < 40 && outcome.kind === "done"; count++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      outcome = await refused.write(LARGE.slice(0, 1000));
    }
    assert(outcome.kind === "failed");
    await refused.abort();
  }));

Deno.test("an upload that is given up while it connects is closed", () =>
  withBucket(async (bucket) => {
    const store = createStore(bucket.url);
    const stop = new AbortController();
    const upload = store.begin(digestOf(LARGE), LARGE.length, stop.signal);
    const writing = upload.write(LARGE.slice(0, 1000));
    stop.abort(new Error("stopped"));
    await upload.abort();
    await writing;
    assertEquals((await upload.finish()).kind, "failed");
    assertEquals(bucket.objects.size, 0);
  }));

function drained(request: Request, response: Response): Response {
  void request.arrayBuffer().catch(() => {});
  return response;
}

Deno.test("an S3 store makes no object of wrong bytes, or of too few", () =>
  withBucket(async (bucket) => {
    const store = createStore(bucket.url);
    const wrong = LARGE.slice();
    wrong[7]! ^= 1;
    const outcome = await upload(store, wrong, digestOf(LARGE));
    assert(outcome.kind === "failed" && outcome.ofBlob === true && !outcome.lasting);
    const broken = store.begin(digestOf(LARGE), LARGE.length, never);
    await broken.write(LARGE.slice(0, 1_000_000));
    await broken.abort();
    const unbegun = store.begin(digestOf(LARGE), LARGE.length, never);
    await unbegun.abort();
    const stop = new AbortController();
    const stopped = store.begin(digestOf(LARGE), LARGE.length, stop.signal);
    await stopped.write(LARGE.slice(0, 1000));
    stop.abort(new Error("stopped"));
    assertEquals((await stopped.finish()).kind, "failed");
    assertEquals(bucket.objects.size, 0);
  }));

Deno.test("an S3 store tells failures that pass from those that last, and no secret", () =>
  withBucket(async (bucket) => {
    const table = [
      {
        answer: () => s3Error(403, "AccessDenied"),
        lasting: true,
        reason: "it answered 403 AccessDenied: no",
      },
      {
        answer: () => s3Error(404, "NoSuchBucket"),
        lasting: true,
        reason: "it answered 404 NoSuchBucket: no",
      },
      {
        answer: () => s3Error(503, "SlowDown", { "retry-after": "7" }),
        lasting: false,
        retryAfterMs: 7000,
        reason: "it answered 503 SlowDown: no",
      },
      {
        answer: () => s3Error(400, "RequestTimeout"),
        lasting: false,
        reason: "it answered 400 RequestTimeout: no",
      },
      {
        answer: () => s3Error(503, "XMinioStorageFull"),
        lasting: true,
        reason: "it answered 503 XMinioStorageFull: no",
      },
      {
        answer: () => new Response("oh", { status: 500 }),
        lasting: false,
        reason: "it answered 500",
      },
      {
        answer: () =>
          new Response("", { status: 301, headers: { "x-amz-bucket-region": "eu-west-1" } }),
        lasting: true,
        reason: "it answered 301: the bucket's region is eu-west-1",
      },
      {
        answer: () =>
          new Response("<Error><Code>X</Code><Message>me:s3cret\x1b[0m</Message></Error>", {
            status: 403,
          }),
        lasting: true,
        reason: "it answered 403 X: me:…?[0m",
      },
    ];
    const store = createStore(bucket.url);
    for (const { answer, reason, lasting, retryAfterMs } of table) {
      bucket.instead = answer;
      const outcome = await store.put(digestOf(SMALL), SMALL, never);
      assert(outcome.kind === "failed");
      assertEquals([outcome.reason, outcome.lasting, outcome.retryAfterMs], [
        reason,
        lasting,
        retryAfterMs,
      ]);
      assertEquals((await store.remove([digestOf(SMALL)], never)).kind, "failed");
      assertEquals((await store.tidy(never)).kind, "failed");
      assertEquals((await list(store) as { kind: string }).kind, "failed");
    }
  }));

Deno.test("an S3 store fails for a listing that is none, or has no end", () =>
  withBucket(async (bucket) => {
    const store = createStore(bucket.url);
    const endless = "<ListBucketResult><IsTruncated>true</IsTruncated>" +
      "<NextContinuationToken>same</NextContinuationToken></ListBucketResult>";
    const table = [
      { text: "<html></html>", reason: "it answered with no listing" },
      { text: endless, reason: "its listing has no end" },
      { text: "x".repeat(9_000_000), reason: "the answer has more than 8388608 bytes" },
    ];
    for (const { text, reason } of table) {
      bucket.instead = () => new Response(text);
      assertEquals((await list(store) as { reason: string }).reason, reason);
    }
    const odd = `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>
      <Contents><Key>%E0%A4%A</Key><Size>5</Size></Contents>
      <Contents><Size>5</Size></Contents>
      <Contents><Key>images/${digestOf(SMALL)}</Key><Size>-5</Size></Contents></ListBucketResult>`;
    bucket.instead = () => new Response(odd);
    assertEquals(await list(store), []);
  }));

Deno.test("credentials that have expired are fetched anew, once", () =>
  withBucket(async (bucket) => {
    let forgotten = 0;
    const credentials = { ...KEYS, forget: () => void forgotten++ };
    const store = createStore(bucket.url, { credentials });
    let count = 0;
    bucket.instead = () => count++ === 0 ? s3Error(400, "ExpiredToken") : undefined;
    assertEquals(await store.put(digestOf(SMALL), SMALL, never), { kind: "done" });
    assertEquals(forgotten, 1);
    bucket.instead = (request) => drained(request, s3Error(400, "ExpiredToken"));
    const streamed = await upload(store, SMALL);
    assert(streamed.kind === "failed" && !streamed.lasting);
    assertEquals(forgotten, 2);
    const none = createStore(bucket.url, {
      credentials: { ...KEYS, get: () => Promise.resolve(failed("none")) },
    });
    assertEquals(await none.put(digestOf(SMALL), SMALL, never), failed("none"));
    assertEquals(await upload(none, SMALL), failed("none"));
    assertEquals(await upload(none, new Uint8Array()), failed("none"));
  }));

Deno.test("a bucket's name stands in the path or before the host; its owner is asked for", async () => {
  const asked: Request[] = [];
  const bucket = {
    endpoint: "https://s3.example",
    region: "r",
    bucket: "blobs",
    style: "virtual",
    expectedOwner: "123456789012",
  } as const;
  const send: typeof fetch = (input, init) => {
    asked.push(new Request(input as string, init as RequestInit));
    return Promise.resolve(new Response(""));
  };
  const credentials: CredentialsProvider = {
    ...KEYS,
    get: () =>
      Promise.resolve({
        kind: "credentials",
        accessKeyId: "me",
        secretAccessKey: "s",
        sessionToken: "session",
      }),
  };
  const store = createStore("", { bucket, fetch: send, credentials });
  assertEquals(store.host, "blobs.s3.example");
  await store.remove([digestOf(SMALL)], never);
  const [{ url, headers }] = asked as [Request];
  assertEquals(url, `https://blobs.s3.example/images/${digestOf(SMALL).replace(":", "%3A")}`);
  assertEquals(headers.get("x-amz-expected-bucket-owner"), "123456789012");
  assertEquals(headers.get("x-amz-security-token"), "session");
});

Deno.test("an S3 store that does not answer fails, by its time limit or its connection", async () => {
  const late: (() => void)[] = [];
  const store = createStore("http://127.0.0.1:1", {
    later(_, work) {
      late.push(work);
      return () => {};
    },
    fetch: (_, init) =>
      new Promise((_, reject) => {
        const { signal } = init as { signal: AbortSignal };
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  const putting = store.put(digestOf(SMALL), SMALL, never);
  while (late.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  late[0]!();
  assertEquals(await putting, failed("no answer in 60000 ms"));
  const streamed = await upload(store, LARGE);
  assert(streamed.kind === "failed");
  assertMatch(streamed.reason, /refused/);
});

Deno.test("a store that answers anything is no reason to fail otherwise", async () => {
  const answers = [
    {
      bytes: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
      good: true,
    },
    {
      bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      good: true,
    },
    { bytes: "HTTP/1.1 200 OK\r\n\r\nno length", good: true },
    {
      bytes:
        "HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\n7\r\n<Code>a\r\n7\r\n</Code>\r\n0\r\n\r\n",
      good: false,
    },
    { bytes: "HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n0\r\n", good: false },
    { bytes: "no HTTP", good: false },
    { bytes: "y".repeat(100_000), good: false },
    { bytes: "", good: false },
  ];
  for (const { bytes, good } of answers) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const served = (async () => {
      using connection = await listener.accept();
      const buffer = new Uint8Array(65_536);
      for (let text = ""; !text.endsWith("!");) {
        text += new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
      }
      try {
        for (let rest = new TextEncoder().encode(bytes); rest.length > 0;) {
          rest = rest.subarray(await connection.write(rest));
        }
      } catch {
        // It has read enough.
      }
    })();
    const store = createStore(`http://127.0.0.1:${listener.addr.port}`);
    const body = new TextEncoder().encode("all of the bytes!");
    const outcome = await upload(store, body);
    assertEquals(outcome.kind, good ? "done" : "failed", bytes.slice(0, 60));
    await served;
  }
});

const ID = "0123abcd";

function createFolder(path: string, now = Date.now()): Store {
  return createFolderStore({
    folder: `${path}/`,
    key: "{hex:2}/{digest}",
    uuid: () => crypto.randomUUID(),
    owner: ID,
    timeOfDay: () => now,
  });
}

Deno.test("a folder store writes under another name first, and removes what was left", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/blobs`;
  const store = createFolder(path);
  assertEquals(await list(store), []);
  assertEquals(await upload(store, LARGE), { kind: "done" });
  assertEquals(await store.put(digestOf(SMALL), SMALL, never), { kind: "done" });
  const empty = new Uint8Array();
  assertEquals(await upload(store, empty), { kind: "done" });
  const begun = store.begin(digestOf(LARGE), 10, never);
  await begun.write(SMALL);
  const killed = store.begin(digestOf(LARGE), 10, never);
  await killed.write(SMALL);
  await begun.abort();
  await store.begin(digestOf(LARGE), 10, never).abort();
  const below = `${path}/${digestOf(LARGE).slice(7, 9)}`;
  const other = `${below}/.archeio-ffffffff-${crypto.randomUUID()}.part`;
  await Deno.writeTextFile(other, "of another machine");
  await Deno.writeTextFile(`${below}/readme.txt`, "x");
  await Deno.symlink("nowhere", `${below}/link`);
  const listed = [LARGE, SMALL, empty].map((bytes) => `${digestOf(bytes)} ${bytes.length}`);
  assertEquals(await list(store), listed.toSorted());
  assertEquals(await store.tidy(never), { kind: "done" });
  const names = [...Deno.readDirSync(below)].map(({ name }) => name).toSorted();
  assertEquals(
    names,
    [other.slice(below.length + 1), digestOf(LARGE), "link", "readme.txt"].toSorted(),
  );
  await createFolder(path, Date.now() + 2 * 86_400_000).tidy(never);
  assertEquals([...Deno.readDirSync(below)].length, 3);
  await killed.abort();
  assertEquals(await store.remove([digestOf(SMALL), digestOf(SMALL)], never), { kind: "done" });
  assertEquals((await list(store) as string[]).length, 2);
  assertEquals(await store.tryWrite(never), { kind: "done" });
});

Deno.test("a folder store tells failures that last", async () => {
  using folder = temporaryFolder({ file: "x" });
  const store = createFolder(`${folder.path}/file`);
  for (
    const outcome of [
      await upload(store, SMALL),
      await store.put(digestOf(SMALL), SMALL, never),
      await store.tryWrite(never),
      await list(store) as { kind: "failed"; lasting: boolean },
      await store.remove([digestOf(SMALL)], never),
    ]
  ) {
    assert(outcome.kind === "failed");
  }
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  await Deno.mkdir(`${folder.path}/blobs/x`, { recursive: true });
  const outcome = await createFolder(`${folder.path}/blobs`).list({
    onBlob() {},
    signal: stop.signal,
  });
  assertEquals(outcome, failed("stopped"));
  assertEquals(
    (await list(createFolder(`${folder.path}/file/below`)) as { kind: string }).kind,
    "failed",
  );
  const blocked = createFolder(`${folder.path}/blobs`);
  const digest = digestOf(SMALL);
  await Deno.mkdir(`${folder.path}/blobs/${digest.slice(7, 9)}/${digest}/x`, { recursive: true });
  assertEquals((await upload(blocked, SMALL)).kind, "failed");
});

Deno.test("the folder of state keeps manifests, journals and files, whatever is lost of it", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/state`;
  const uuid = () => "0123abcd-0000-0000-0000-000000000000";
  const state = await openStateFolder(path, uuid);
  assertEquals(state.id, "0123abcd");
  assertEquals((await openStateFolder(path, () => "ffffffff")).id, "0123abcd");
  assertEquals(await state.read("none"), undefined);
  await Promise.all([state.write("a", "1"), state.write("a", "2")]);
  assertEquals(await state.read("a"), "2");

  const digest = digestOf(SMALL);
  assertEquals(await state.cache.get(digest), undefined);
  await state.cache.put(digest, SMALL);
  assertEquals(await state.cache.get(digest), SMALL);
  await Deno.remove(`${path}/manifests`, { recursive: true });
  await Deno.writeTextFile(`${path}/manifests`, "");
  await state.cache.put(digest, SMALL);
  assertEquals(await state.cache.get(digest), undefined);

  const journal = await state.journal("near");
  await Promise.all([journal.began("1"), journal.began("2")]);
  await journal.ended("1");
  await journal.ended("never begun");
  assertEquals([...(await state.journal("near")).left], ["2"]);
  for (const text of ["{}", "no JSON", "[1]"]) {
    await state.write("uploads-near.json", text);
    assertEquals([...(await state.journal("near")).left], []);
  }
  using held = await state.tryLock();
  assert(held !== undefined);
  assertEquals(await (await openStateFolder(path, uuid)).tryLock(), undefined);
  await Deno.mkdir(`${path}/folder`);
  let error: unknown;
  await state.read("folder").catch((reason) => error = reason);
  assert(error instanceof Error);
});
