import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Status } from "../../lib/admin/status.ts";
import { createProgram } from "../admin/fixture.ts";
import { CDN, CLIENTS, CONFIG, DIGEST } from "../redirect/fixture.ts";
import { runProgram, temporaryFile } from "./program.ts";

/** An admin listener that says what it is told to, and what it was asked. */
function createListener(answer: () => Response) {
  const asked: { readonly url: string; readonly authorization: string | null }[] = [];
  const send: typeof fetch = (input, init) => {
    const { url, headers } = new Request(input as URL, init);
    asked.push({ url, authorization: headers.get("authorization") });
    return Promise.resolve(answer());
  };
  return { asked, fetch: send };
}

async function createStatus(isDown: boolean): Promise<Status> {
  const { world, tell, states, setup, journal, checks } = await createProgram({
    config: CONFIG,
    answers: { [CDN + DIGEST]: 200 },
  });
  await (await world.answer(`/v2/app/blobs/${DIGEST}`, { client: CLIENTS.paris })).text();
  const result = { kind: "good" } as const;
  checks.set(1, { atS: 1, result, answer: "", status: 206, tookMs: 1.5 });
  if (isDown) {
    world.board.takeDown(0);
    states.down(setup.mirrors[0]!, "no answer\x1b[2J in 5 ms");
    journal.add({ kind: "mirror_down", subject: "paris", text: "Mirror paris is down." });
  }
  return await tell();
}

Deno.test("status prints what is wrong first, and ends with 1 when it is critical", async () => {
  const status = await createStatus(true);
  const { fetch, asked } = createListener(() => Response.json(status));
  const { status: code, out, err } = await runProgram(["status", "http://ops.example:9090"], {
    fetch,
  });
  assertEquals([code, err], [1, ""]);
  assertEquals(asked, [{ url: "http://ops.example:9090/status", authorization: null }]);
  const lines = out.split("\n");
  assertMatch(lines[0]!, /^archeio 1, up for \d+ d, 123 MB$/);
  assertEquals(lines[1], "1/s requests; blobs: 100 % from mirrors, 0 % from upstreams");
  assertEquals(
    lines[3],
    "CRITICAL  Mirror paris is down: no answer\ufffd[2J in 5 ms. Its clients are sent to cdn. For 0 s.",
  );
  assertMatch(out, /^mirror +state +since +last check +now +in a day +for others$/m);
  assertMatch(out, /^paris +down +0 s +none yet +0\/s +– +0$/m);
  assertMatch(out, /^cdn +up +0 s +206, 1.5 ms +1\/s +– +0$/m);
  assertMatch(out, /^aws\/eu-west-3 +1 +100 % +2$/m);
  assertStringIncludes(out, "UTC  Mirror paris is down.\n");
});

Deno.test("status ends with 0 when all is well, and prints JSON as it is", async () => {
  const status = await createStatus(false);
  const { fetch } = createListener(() => Response.json(status));
  const text = await runProgram(["status", "http://localhost:9090/any"], { fetch });
  assertEquals(text.status, 0);
  assertStringIncludes(text.out, "all is well: 2 mirrors up\n");
  const json = await runProgram(["status", "--json", "http://localhost:9090"], { fetch });
  assertEquals(JSON.parse(json.out), JSON.parse(JSON.stringify(status)));
  const one = { ...status, mirrors: status.mirrors.slice(1), events: [] };
  const few = await runProgram(["status", "http://localhost"], {
    fetch: () => Promise.resolve(Response.json({ ...one, clients: { locations: [] } })),
  });
  assertStringIncludes(few.out, "all is well: 1 mirror up\n");
  const none = await runProgram(["status", "http://localhost"], {
    fetch: () => Promise.resolve(Response.json({ ...status, mirrors: [] })),
  });
  assertEquals(none.out.includes("last check"), false);
});

Deno.test("status finds the listener and its token in the configuration", async () => {
  using token = temporaryFile("s3cret\n");
  const status = await createStatus(false);
  const { fetch, asked } = createListener(() => Response.json(status));
  const upstream = "upstreams: { main: { endpoint: https://registry.example } }\n";
  const table = [
    { admin: "{}", url: "http://127.0.0.1:9090/status" },
    { admin: `{ host: "::", token_file: ${token.path} }`, url: "http://127.0.0.1:9090/status" },
    { admin: `{ host: "::1", port: 99 }`, url: "http://[::1]:99/status" },
    { admin: `{ host: 192.0.2.1 }`, url: "http://192.0.2.1:9090/status" },
  ];
  for (const { admin } of table) {
    using file = temporaryFile(`${upstream}admin: ${admin}\n`);
    assertEquals((await runProgram(["status", "--config", file.path], { fetch })).status, 0);
  }
  await runProgram(["status", "--token-file", token.path, "http://localhost:1"], { fetch });
  assertEquals(asked.map(({ url }) => url), [
    ...table.map(({ url }) => url),
    "http://localhost:1/status",
  ]);
  const bearer = "Bearer s3cret";
  const tokens = asked.map(({ authorization }) => authorization);
  assertEquals(tokens, [null, bearer, null, null, bearer]);
});

Deno.test("status says why there is no state", async () => {
  using file = temporaryFile("upstreams: { main: { endpoint: https://registry.example } }\n");
  const url = "http://localhost:9090";
  const failed = (reason: string) => `archeio: ${url}/status tells no state: ${reason}\n`;
  const table = [
    {
      answer: () => new Response("no token", { status: 401 }),
      expected: failed("status 401: no token"),
    },
    { answer: () => new Response("<html>"), expected: failed("its answer is not JSON") },
    {
      answer: () => {
        throw new TypeError("fetch failed", { cause: new Error("connection refused") });
      },
      expected: failed("connection refused"),
    },
  ];
  for (const { answer, expected } of table) {
    const outcome = await runProgram(["status", url], {
      fetch: async () => await Promise.resolve().then(answer),
    });
    assertEquals(outcome, { status: 1, out: "", err: expected });
  }
  const wrong = [
    { args: ["status", "ftp://x"], expected: 'Cannot parse URL "ftp://x"' },
    { args: ["status", url, "more"], expected: 'unexpected argument "more"' },
    { args: ["status", "--config", file.path], expected: "admin.port is not set or 0" },
    { args: ["status", "--token-file", "/no/token", url], expected: "there is no such file" },
  ];
  for (const { args, expected } of wrong) {
    const { status, err } = await runProgram(args);
    assertEquals(status, 2, args.join(" "));
    assertStringIncludes(err, expected);
  }
});

Deno.test("status prints the schema of the state", async () => {
  const { status, out } = await runProgram(["status", "--schema"]);
  assertEquals(status, 0);
  assertEquals(JSON.parse(out).title, "The state of archeio");
});
