import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createLayoutSource } from "../../lib/fill/stores/layout_source.ts";
import { createLineTeller } from "../../lib/cli/filling/tell.ts";
import { addMirror, createTally } from "../../lib/fill/tally.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";
import { parseBytes, parseTime } from "../../lib/cli/fill.ts";
import {
  addImage,
  addIndex,
  createBytes,
  createRepository,
  digestOf,
  hashes,
} from "../fill/fixture.ts";
import { type Bucket, serveBucket, type Served, serveRegistry } from "../fill/served.ts";
import { runProgram, temporaryFolder, type World } from "./program.ts";

const never = new AbortController().signal;
const LARGE = createBytes(2_000_000, 1);
const SMALL = createBytes(1000, 2);
const ENVIRONMENT = { AWS_ACCESS_KEY_ID: "me", AWS_SECRET_ACCESS_KEY: "secret" };

function createApp() {
  const app = createRepository();
  const index = addIndex(app, [addImage(app, [LARGE, SMALL]), addImage(app, [LARGE])]);
  app.tags.set("v1", index);
  app.tags.set("v2", addImage(app, [createBytes(100, 3)]));
  app.tags.set("v3", addImage(app, [createBytes(100, 4)]));
  return app;
}

interface Stage extends AsyncDisposable {
  readonly app: ReturnType<typeof createApp>;
  readonly folder: string;
  readonly registry: Served;
  readonly bucket: Bucket;
  /** Runs the program with a configuration. */
  run(command: string, args?: readonly string[], world?: World): ReturnType<typeof runProgram>;
  /** Changes what is filled. */
  fill: Record<string, unknown>;
  /** Further keys. */
  more: Record<string, unknown>;
}

/** A registry, a bucket and a folder. */
function createStage(): Stage {
  const app = createApp();
  const folder = temporaryFolder();
  const registry = serveRegistry({ app, "other/one": createRepository(), web: createRepository() });
  const bucket = serveBucket();
  const stage: Stage = {
    app,
    folder: folder.path,
    registry,
    bucket,
    fill: { repositories: ["app"] },
    more: {},
    async run(command, args = [], world = {}) {
      const limits = { requests_per_s: 100_000 };
      const config = {
        upstreams: { main: { endpoint: registry.url } },
        mirrors: {
          s3: {
            url: "https://blobs.example/images",
            store: { s3: { endpoint: bucket.url, region: "auto", bucket: "blobs" } },
          },
          folder: { url: "https://folder.example", store: { folder: `${folder.path}/blobs` } },
        },
        rules: [{ clients: ["*"], mirrors: ["s3", "folder"] }],
        fill: { state: `${folder.path}/state`, limits, ...stage.fill },
        ...stage.more,
      };
      const path = `${folder.path}/archeio.yaml`;
      await Deno.writeTextFile(path, JSON.stringify(config));
      const more = { fetch, now: Date.now, environment: ENVIRONMENT, timeout: AbortSignal.timeout };
      return await runProgram([command, "--config", path, ...args], { ...more, ...world });
    },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await bucket[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
  return stage;
}

function lastLine(out: string) {
  return JSON.parse(out.trimEnd().split("\n").at(-1)!);
}

async function listFolder(path: string): Promise<string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(path)) names.push(name);
  return names.toSorted();
}

Deno.test("fill copies what a registry has into a bucket and a folder, once", async () => {
  await using stage = createStage();
  const { app, bucket, folder, registry } = stage;
  const first = await stage.run("fill");
  assertEquals([first.status, first.err], [0, ""]);
  const digests = [...app.blobs.keys()].toSorted();
  assertEquals([...bucket.objects.keys()].toSorted(), digests.map((one) => `images/${one}`));
  assertEquals(await listFolder(`${folder}/blobs`), digests);
  assertEquals(bucket.objects.get(`images/${digestOf(LARGE)}`), LARGE);
  assertEquals(await Deno.readFile(`${folder}/blobs/${digestOf(LARGE)}`), LARGE);
  const told = lastLine(first.out);
  assertEquals([told.complete, told.blobs, told.mirrors.s3.copied], [
    true,
    digests.length,
    digests.length,
  ]);

  registry.asked.length = 0;
  bucket.asked.length = 0;
  assertEquals((await stage.run("fill")).status, 0);
  assertEquals(registry.asked.filter((one) => one.includes("/blobs/")), []);
  assertEquals(registry.asked.filter((one) => /^GET .*manifests/.test(one)), []);
  assertEquals(bucket.asked.filter((one) => !one.startsWith("GET ")), []);
  const state = JSON.parse(await Deno.readTextFile(`${folder}/state/state.json`));
  assertEquals(state.mirrors.s3.missing, 0);
  const metrics = await Deno.readTextFile(`${folder}/state/archeio_fill.prom`);
  assertStringIncludes(metrics, 'archeio_fill_mirror_missing_blobs{mirror="s3"} 0\n');
});

Deno.test("fill takes the repositories that the upstream lists, where there are patterns", async () => {
  await using stage = createStage();
  stage.fill = { repositories: ["*"] };
  const { status, out } = await stage.run("fill");
  assertEquals(status, 0);
  assertEquals(lastLine(out).blobs, stage.app.blobs.size);
  assertEquals(stage.registry.asked.filter((one) => one.includes("_catalog")).length, 2);
  assertEquals(stage.registry.asked.filter((one) => one.includes("/tags/list")).length, 4);
});

Deno.test("fill --dry-run says what is missing, and writes nothing", async () => {
  await using stage = createStage();
  const { status, out } = await stage.run("fill", ["--dry-run"]);
  assertEquals(status, 1);
  const told = lastLine(out);
  assertEquals([told.dry_run, told.mirrors.s3.missing], [true, stage.app.blobs.size]);
  assertEquals(told.estimate.requests, 3 * stage.app.blobs.size);
  assertEquals(stage.bucket.objects.size, 0);
});

Deno.test("fill --from copies what is listed: in a file, from a server, on standard input", async () => {
  await using stage = createStage();
  const nowhere = digestOf(createBytes(5, 5));
  const list = (bytes: Uint8Array) => `# what was missed\napp ${digestOf(bytes)}\n`;
  await Deno.writeTextFile(`${stage.folder}/list`, list(SMALL) + `app@${nowhere}\n`);
  const file = await stage.run("fill", ["--from", `${stage.folder}/list`]);
  assertEquals([file.status, file.err], [0, ""]);
  assertEquals([...stage.bucket.objects.keys()], [`images/${digestOf(SMALL)}`]);
  assertEquals(lastLine(file.out).first_warnings[0].reason, "the upstream does not have it");

  assertEquals((await stage.run("fill", ["--from", "-"], { stdin: list(LARGE) })).status, 0);
  assertEquals(stage.bucket.objects.size, 2);

  const misses = [{ name: "app", digest: [...stage.app.blobs.keys()].at(-1), count: 2 }];
  const served: typeof fetch = (input, init) =>
    String(input) === "http://admin/misses"
      ? Promise.resolve(Response.json({ misses }))
      : fetch(input, init);
  const from = ["--from", "http://admin/misses"];
  assertEquals((await stage.run("fill", from, { fetch: served })).status, 0);
  assertEquals(stage.bucket.objects.size, 3);
});

Deno.test("fill says why it cannot have a list of blobs", async () => {
  await using stage = createStage();
  const refused: typeof fetch = () => Promise.resolve(new Response("no", { status: 401 }));
  const huge: typeof fetch = () => Promise.resolve(new Response(new Uint8Array(300 * 1024 * 1024)));
  const table = [
    { from: "/nowhere/list", status: 1, err: "there is no such file" },
    { from: "http://admin/misses", fetch: refused, status: 1, err: "it answered 401" },
    { from: "http://admin/misses", fetch: huge, status: 1, err: "more than 268435456 bytes" },
    { from: "-", stdin: "app\n", status: 2, err: "line 1 is no repository name and digest" },
    { from: "-", stdin: "{", status: 2, err: "JSON" },
  ];
  for (const { from, status, err, ...world } of table) {
    const told = await stage.run("fill", ["--from", from], world);
    assertEquals(told.status, status, from);
    assertStringIncludes(told.err, err);
  }
});

Deno.test("fill says what fails, and ends with 1", async () => {
  await using stage = createStage();
  stage.fill = { repositories: ["app", "nosuch"] };
  const { status, out } = await stage.run("fill", [], {
    environment: {
      ...ENVIRONMENT,
      AWS_ACCESS_KEY_ID: "another",
    },
  });
  assertEquals(status, 1);
  const told = lastLine(out);
  assertEquals(told.first_failures, [{
    place: "nosuch",
    reason: "there is no such repository",
  }]);
  assertMatch(told.mirrors.s3.unknown, /^it cannot be listed: it answered 403 AccessDenied/);
  assertEquals(told.mirrors.folder.missing, 0);
});

Deno.test("fill --max-bytes leaves what is more", async () => {
  await using stage = createStage();
  const { status, out } = await stage.run("fill", ["--max-bytes", "10kB"]);
  assertEquals(status, 1);
  assertEquals(lastLine(out).mirrors.s3.left, 1);
});

Deno.test("fill shows bars on a terminal, and a report below them", async () => {
  await using stage = createStage();
  const terminal = { size: () => ({ columns: 100, rows: 24 }) };
  const color = await stage.run("fill", [], { terminal });
  assertEquals(color.status, 0);
  assertStringIncludes(color.out, "reading manifests");
  assertStringIncludes(color.out, "\x1b[2K");
  assertMatch(color.out, /s3 had 0 blobs, lacked \d+ \(2.00 MB\); copied \d+ \(2.00 MB\)\n/);
  assertMatch(color.out, /all mirrors have everything \(\d+ s\)\n$/);
  const environment = { ...ENVIRONMENT, TERM: "dumb" };
  const dumb = await stage.run("fill", [], { terminal, environment });
  assertEquals(lastLine(dumb.out).complete, true);
  assertEquals(lastLine((await stage.run("fill", ["--json"], { terminal })).out).complete, true);
});

Deno.test("fill --watch goes on until it is interrupted, whatever fails in between", async () => {
  await using stage = createStage();
  const out: string[] = [];
  let err = "";
  let asked = 0;
  const served: typeof fetch = (input, init) => {
    if (String(input) !== "http://admin/misses") return fetch(input, init);
    return Promise.resolve(
      ++asked === 1 ? new Response("", { status: 500 }) : Response.json({
        misses: [],
      }),
    );
  };
  const { status } = await stage.run("fill", ["--watch", "1s", "--from", "http://admin/misses"], {
    fetch: served,
    err: (text) => void (err += text),
    out(text) {
      out.push(text);
      if (text.includes("mirrors are filled")) Deno.kill(Deno.pid, "SIGTERM");
    },
  });
  assertEquals(status, 0);
  assertStringIncludes(err, "it answered 500");
  assertEquals(out.filter((line) => line.includes("mirrors are filled")).length, 1);
});

Deno.test("a fill that is interrupted says what it has done, and leaves nothing unfinished", async () => {
  await using stage = createStage();
  stage.fill = { repositories: ["app"], limits: { bytes_per_s: 500_000 } };
  const running = stage.run("fill");
  const isUnderWay = () => stage.registry.asked.some((one) => one.includes(digestOf(LARGE)));
  while (!isUnderWay()) await new Promise((resolve) => setTimeout(resolve, 5));
  Deno.kill(Deno.pid, "SIGTERM");
  const { status, out } = await running;
  assertEquals(status, 1);
  const told = lastLine(out);
  assertEquals(told.complete, false);
  assertEquals(Object.keys(told.mirrors.folder.reasons), ["it was interrupted"]);
  // It may not have come to the folder yet.
  const blobs = await listFolder(`${stage.folder}/blobs`).catch(() => []);
  const left = blobs.filter((name) => name.startsWith("."));
  assertEquals(left, []);
});

Deno.test("two fills with one folder of state do not run at once", async () => {
  await using stage = createStage();
  let other: Promise<Awaited<ReturnType<typeof runProgram>>> | undefined;
  const first = await stage.run("fill", [], {
    out(text) {
      if (text.includes("reading manifests")) other ??= stage.run("fill");
    },
  });
  assertEquals(first.status, 0);
  const { status, err } = await other!;
  assertEquals(status, 1);
  assertStringIncludes(err, "another archeio is filling or pruning");
});

Deno.test("fill clears what a prune that was killed was about to delete", async () => {
  await using stage = createStage();
  await Deno.mkdir(`${stage.folder}/state`);
  const path = `${stage.folder}/state/leaving.json`;
  await Deno.writeTextFile(path, JSON.stringify({ s3: [digestOf(LARGE)] }));
  assertEquals((await stage.run("fill")).status, 0);
  assertEquals(await Deno.readTextFile(path), "{}\n");
});

Deno.test("fill says what it is called or configured wrongly with", async () => {
  await using stage = createStage();
  const table = [
    { args: ["--watch", "1x"], err: 'Cannot parse time "1x"' },
    { args: ["--max-bytes", "much"], err: 'Cannot parse bytes "much"' },
    { args: ["--dry-run", "--watch", "1m"], err: "--dry-run does not go with --watch" },
    { args: ["more"], err: 'unexpected argument "more"' },
  ];
  for (const { args, err } of table) {
    const told = await stage.run("fill", args);
    assertEquals(told.status, 2);
    assertStringIncludes(told.err, err);
  }
  stage.more = { fill: undefined };
  const without = await stage.run("fill");
  assertEquals(without.status, 2);
  assertStringIncludes(without.err, 'has no "fill"');
});

Deno.test("fill keeps its state where it is told, or where such things are", async () => {
  await using stage = createStage();
  stage.fill = { repositories: ["app"], state: undefined };
  const { folder } = stage;
  const table = [
    { STATE_DIRECTORY: `${folder}/unit:${folder}/more`, path: `${folder}/unit` },
    { XDG_STATE_HOME: `${folder}/xdg`, path: `${folder}/xdg/archeio` },
    { HOME: `${folder}/home`, path: `${folder}/home/.local/state/archeio` },
  ];
  for (const { path, ...variables } of table) {
    const environment = { ...ENVIRONMENT, ...variables } as Record<string, string>;
    assertEquals((await stage.run("fill", [], { environment })).status, 0);
    assert((await Deno.stat(`${path}/state.json`)).isFile);
  }
  const nowhere = await stage.run("fill");
  assertEquals(nowhere.status, 2);
  assertStringIncludes(nowhere.err, "fill.state must be set");
  stage.fill = { repositories: ["app"], state: `${folder}/archeio.yaml/state` };
  const wrong = await stage.run("fill");
  assertEquals(wrong.status, 1);
  assertStringIncludes(wrong.err, "cannot use the folder of state");
});

Deno.test("fill compares a mirror without a store, and says what it lacks", async () => {
  await using stage = createStage();
  const has = digestOf(LARGE);
  stage.more = {
    mirrors: { cdn: { url: "https://cdn.example/{name}/{digest}" } },
    rules: [{ clients: ["*"], mirrors: ["cdn"] }],
  };
  const served: typeof fetch = (input, init) => {
    const url = String(input);
    if (!url.startsWith("https://cdn.example/")) return fetch(input, init);
    assert(url.startsWith("https://cdn.example/app/"));
    const status = url.endsWith(has) ? 200 : 404;
    return Promise.resolve(new Response(null, { status }));
  };
  const { status, out } = await stage.run("fill", [], { fetch: served });
  assertEquals(status, 1);
  const { cdn } = lastLine(out).mirrors;
  assertEquals([cdn.had, cdn.missing, cdn.read_only], [1, stage.app.blobs.size - 1, true]);
});

Deno.test("prune deletes what no manifest names, when it is told to and looks twice", async () => {
  await using stage = createStage();
  const { app, bucket, folder } = stage;
  stage.more = { probe: { recheck_s: 1 } };
  assertEquals((await stage.run("fill")).status, 0);
  const old = app.tags.get("v2")!;
  app.tags.delete("v2");
  app.manifests.delete(old);
  const before = bucket.objects.size;
  bucket.objects.set("images/other", new Uint8Array(3));
  const dry = await stage.run("prune", ["--older-than", "1s", "--max-share", "50"]);
  assertEquals([dry.status, dry.err], [0, ""]);
  assertMatch(
    dry.out,
    /^s3 has 6 blobs, 1 of them to delete \(100 B\)\nfolder has 6 blobs, 0 of them to delete \(0 B\); 1 more are younger\n$/,
  );
  assertEquals(bucket.objects.size, before + 1);

  const few = await stage.run("prune", ["--older-than", "1s", "--max-share", "5%", "--delete"]);
  assertEquals(few.status, 1);
  assertStringIncludes(few.out, "more than 5 % are deleted only if told so");

  let leaving = "";
  const real = await stage.run("prune", ["--older-than", "1s", "--max-share", "50", "--delete"], {
    out(text) {
      if (text.includes("deleting in 1 s")) {
        leaving = Deno.readTextFileSync(`${folder}/state/leaving.json`);
      }
    },
  });
  assertEquals(real.status, 0);
  assertEquals(JSON.parse(leaving).s3.length, 1);
  assertEquals(await Deno.readTextFile(`${folder}/state/leaving.json`), "{}\n");
  assertEquals(bucket.objects.size, before);
  assert(bucket.objects.has("images/other"));
  assertEquals((await stage.run("fill")).status, 0);
});

Deno.test("prune deletes nothing if anything could not be read, before or after it waits", async () => {
  await using stage = createStage();
  const { app, bucket } = stage;
  stage.more = { probe: { recheck_s: 1 } };
  assertEquals((await stage.run("fill")).status, 0);
  const { size } = bucket.objects;
  app.tags.delete("v2");
  const args = ["--older-than", "1s", "--max-share", "100", "--delete"];
  app.tags.set("v4", digestOf(createBytes(9, 9)));
  app.manifests.set(app.tags.get("v4")!, createBytes(9, 9));
  const unreadable = await stage.run("prune", args);
  assertEquals(unreadable.status, 1);
  assertStringIncludes(unreadable.out, "nothing is deleted");
  app.tags.delete("v4");

  let isLate = false;
  const served: typeof fetch = (input, init) =>
    isLate && String(input).includes("/tags/list")
      ? Promise.resolve(new Response("{}", { status: 403 }))
      : fetch(input, init);
  const late = await stage.run("prune", args, {
    fetch: served,
    out: (text) => void (isLate ||= text.includes("deleting in")),
  });
  assertEquals(late.status, 1);
  const interrupted = await stage.run("prune", args, {
    out(text) {
      if (text.includes("deleting in")) Deno.kill(Deno.pid, "SIGTERM");
    },
  });
  assertEquals(interrupted.status, 1);
  assertEquals(bucket.objects.size, size);

  bucket.instead = (request) =>
    request.method === "DELETE" ? new Response("", { status: 403 }) : undefined;
  const refused = await stage.run("prune", args);
  assertEquals(refused.status, 1);
  assertStringIncludes(refused.out, "s3: deleted 0 blobs (0 B); not the others: it answered 403");
});

Deno.test("prune says what it is called wrongly with", async () => {
  await using stage = createStage();
  for (const share of ["101", "-1", "some"]) {
    const { status, err } = await stage.run("prune", [`--max-share=${share}`]);
    assertEquals(status, 2);
    assertStringIncludes(err, `Cannot parse share "${share}"`);
  }
  stage.more = { probe: { recheck_s: 1 } };
  assertEquals((await stage.run("prune", ["--delete"])).status, 0);
});

Deno.test("check looks at stores: lists, writes when told, hashes a sample", async () => {
  await using stage = createStage();
  assertEquals((await stage.run("fill")).status, 0);
  const right = new Map(stage.bucket.objects);
  const served =
    (change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): typeof fetch =>
    (input, init) => {
      const { host, pathname } = new URL(String(input));
      if (host !== "blobs.example") {
        return host.endsWith(".example")
          ? Promise.resolve(new Response(null, { status: 404 }))
          : fetch(input, init);
      }
      const bytes = right.get(decodeURIComponent(pathname.slice(1)));
      return Promise.resolve(
        bytes === undefined ? new Response(null, { status: 404 }) : new Response(change(bytes)),
      );
    };
  const check = async (
    args: readonly string[],
    change = (bytes: Uint8Array<ArrayBuffer>) => bytes,
  ) => {
    const { out, status } = await stage.run("check", ["--json", ...args], {
      fetch: served(change),
    });
    const { findings } = JSON.parse(out);
    return {
      status,
      s3: findings.filter(({ part }: { part: string }) => part === "mirrors.s3.store")
        .map(({ verdict, found }: Record<string, string>) => `${verdict} ${found}`),
    };
  };
  const count = right.size;
  assertEquals((await check([])).s3, [
    `good lists ${count} blobs, 2.00 MB`,
    "untried writing was not tried: --write does",
  ]);
  assertEquals((await check(["--write", "--sample", "20"])).s3, [
    `good lists ${count} blobs, 2.00 MB`,
    "good lets an upload begin",
    `good delivers ${count} of ${count} blobs that were hashed`,
  ]);
  assertEquals(stage.bucket.uploads.size, 0);
  const wrong = await check(["--sample", "2"], (bytes) => bytes.slice(1));
  assertEquals(wrong.status, 1);
  assertEquals(wrong.s3.length, 4);
  const { status, err } = await stage.run("check", ["--sample", "many"]);
  assertEquals(status, 2);
  assertStringIncludes(err, 'Cannot parse sample "many"');
});

Deno.test("parseBytes() and parseTime() read numbers with units, and nothing else", () => {
  const bytes = {
    "1500": 1500,
    "200kB": 200_000,
    "1.5 GB": 1.5e9,
    "2t": 2e12,
    "3b": 3,
    "7MB": 7e6,
  };
  for (const [text, expected] of Object.entries(bytes)) assertEquals(parseBytes(text), expected);
  const times = { "1s": 1000, "1.5m": 90_000, "6h": 21_600_000, "30d": 2_592_000_000 };
  for (const [text, expected] of Object.entries(times)) assertEquals(parseTime(text), expected);
  for (const text of ["", "s", "0s", "31d", "5", "-1s", "1 s"]) {
    let message = "";
    try {
      parseTime(text);
    } catch (error) {
      message = String(error);
    }
    assertStringIncludes(message, "it must be from 1s to 30d");
  }
});

Deno.test("a manifest that lies about a size costs one copy, and then none", async () => {
  await using stage = createStage();
  const { app, bucket, folder } = stage;
  const layers = [{ mediaType: "x", digest: digestOf(SMALL), size: 7 }];
  app.tags.set("v1", addImage(app, [], { layers }));
  assertEquals((await stage.run("fill")).status, 0);
  bucket.asked.length = 0;
  const second = await stage.run("fill");
  assertEquals(lastLine(second.out).mirrors.s3.copied, 0);
  const path = `${folder}/state/sizes.json`;
  assertEquals(JSON.parse(await Deno.readTextFile(path)), { [digestOf(SMALL)]: SMALL.length });
  for (const wrong of ["no JSON", "null", '{"sha256:x":"many"}']) {
    await Deno.writeTextFile(path, wrong);
    assertEquals((await stage.run("fill")).status, 0);
  }
});

Deno.test("fill finds repositories under other names, and signatures in another upstream", async () => {
  await using stage = createStage();
  await using signatures = serveRegistry({ app: createRepository() });
  const table = [
    {
      repositories: { mine: { as: "app" }, theirs: { upstream: "signatures" } },
      signature_upstream: "signatures",
    },
    { repositories: { mine: { upstream: "main", as: "app" } }, signature_upstream: "main" },
  ];
  for (const more of table) {
    stage.fill = { repositories: ["mine"] };
    const others = more.signature_upstream === "main" ? {} : {
      signatures: { endpoint: signatures.url },
    };
    stage.more = { ...more, upstreams: { main: { endpoint: stage.registry.url }, ...others } };
    assertEquals((await stage.run("fill")).status, 0);
  }
  assertEquals(stage.bucket.objects.size, stage.app.blobs.size);
  assert(signatures.asked.includes("GET /v2/app/tags/list"));
});

Deno.test("fill tells progress in lines, with what is left", async () => {
  const out: string[] = [];
  const clock = createVirtualClock(0);
  const teller = createLineTeller({
    ...clock,
    timeOfDay: clock.now,
    out: (text) => void out.push(text),
  });
  const tally = createTally();
  const mirror = addMirror(tally, "near", false);
  Object.assign(mirror, { missing: 2, missingBytes: 90_000 });
  teller.onStage("copy", tally);
  mirror.sentBytes = 30_000;
  await clock.pass(30_000);
  teller.onStage("end", tally);
  assertEquals(clock.waiting, 0);
  teller.stop();
  const lines = out.map((line) => JSON.parse(line));
  assertEquals(lines.map(({ message, mirrors }) => [message, mirrors.near.seconds_left]), [
    ["copying", null],
    ["copying", 60],
  ]);
});

Deno.test("prune ends with what it did not expect", async () => {
  await using stage = createStage();
  stage.more = { probe: { recheck_s: 1 } };
  assertEquals((await stage.run("fill")).status, 0);
  stage.app.tags.delete("v2");
  const args = ["--older-than", "1s", "--max-share", "100", "--delete"];
  await assertRejects(
    () =>
      stage.run("prune", args, {
        out(text) {
          if (text.startsWith("s3: deleted")) throw new TypeError("a bug");
        },
      }),
    TypeError,
  );
  assertEquals(await Deno.readTextFile(`${stage.folder}/state/leaving.json`), "{}\n");
});

Deno.test("fill --layout copies an image layout in a folder", async () => {
  await using stage = createStage();
  const { app, folder, bucket } = stage;
  const path = `${folder}/layout`;
  await Deno.mkdir(`${path}/blobs/sha256`, { recursive: true });
  for (const [digest, bytes] of [...app.blobs, ...app.manifests]) {
    await Deno.writeFile(`${path}/blobs/${digest.replace(":", "/")}`, bytes);
  }
  const manifests = [...app.tags.values()].map((digest) => ({ digest }));
  const index = (more: object[]) =>
    Deno.writeTextFile(
      `${path}/index.json`,
      JSON.stringify({ manifests: [...manifests, ...more] }),
    );
  await index([]);
  const { status, err } = await stage.run("fill", ["--layout", path]);
  assertEquals([status, err], [0, ""]);
  assertEquals([...bucket.objects.keys()].length, app.blobs.size);
  assertEquals(stage.registry.asked, []);

  bucket.objects.clear();
  await Deno.remove(`${path}/blobs/${digestOf(SMALL).replace(":", "/")}`);
  const huge = digestOf(createBytes(1, 1));
  await Deno.writeFile(`${path}/blobs/${huge.replace(":", "/")}`, new Uint8Array(5 * 1024 ** 2));
  const inner = digestOf(createBytes(1, 2));
  await Deno.mkdir(`${path}/blobs/${inner.replace(":", "/")}`);
  await index([{ digest: huge }, { digest: inner }]);
  const lacking = await stage.run("fill", ["--layout", path]);
  assertEquals(lacking.status, 1);
  const reasons = lastLine(lacking.out).first_failures.map(({ reason }: { reason: string }) =>
    reason
  );
  assertEquals([...new Set(reasons)].toSorted(), [
    "it has more than 4 MiB",
    "it is no file",
    "the upstream does not have it",
  ]);
  await Deno.remove(`${path}/index.json`);
  const none = await stage.run("fill", ["--layout", path]);
  assertEquals(lastLine(none.out).first_failures[0].reason, "there is no such repository");
  const both = await stage.run("fill", ["--layout", path, "--from", "-"]);
  assertStringIncludes(both.err, "--from does not go with --layout");
  const table = [
    await createLayoutSource(path, hashes).repositories(never),
    await createLayoutSource(path, hashes).digestOf("", "", never),
    await createLayoutSource(path, hashes).manifest("", digestOf(SMALL), never),
    await createLayoutSource(`${folder}/archeio.yaml`, hashes).tags("", never),
    await createLayoutSource(`${folder}/archeio.yaml`, hashes).blob("", digestOf(SMALL), 0, never),
  ];
  assertEquals(table.map(({ kind }) => kind), [
    "missing",
    "missing",
    "missing",
    "failed",
    "failed",
  ]);
});
