import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { listen, type ListenerOptions } from "../../lib/server/listener.ts";
import { createCertificate } from "./certificate.ts";

const HOST = "127.0.0.1";

const WORLD: Pick<ListenerOptions, "later" | "onError"> = {
  later(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  onError(error) {
    throw error;
  },
};

/** Waits until nobody listens any more: a socket is closed a moment after it is told to be. */
async function refused(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: HOST, port })).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
      // One that came while the socket was being closed.
      assert(error instanceof Deno.errors.ConnectionReset);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What comes back for some requests in turn on one connection. */
async function* converse(port: number): AsyncGenerator<string, void, string> {
  using connection = await Deno.connect({ hostname: HOST, port });
  const buffer = new Uint8Array(4096);
  let answer = "";
  for (;;) {
    const path = yield answer;
    const request = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const count = await connection.read(buffer);
    answer = new TextDecoder().decode(buffer.subarray(0, count!));
  }
}

async function say(client: AsyncGenerator<string, void, string>, path: string): Promise<string> {
  const { value } = await client.next(path);
  return String(value);
}

Deno.test("a listener that is stopped answers with Connection: close before it closes connections", async () => {
  const kept = new Response(null, { status: 307, headers: { location: "https://a.example/" } });
  const listener = listen(
    ({ url }) => url.endsWith("/later") ? Promise.resolve(kept) : kept,
    { host: HOST, port: 0, ...WORLD },
  );
  const { port } = listener.address;
  const clients = [converse(port), converse(port)];
  for (const client of clients) {
    await client.next("");
    const value = await say(client, "/");
    assertMatch(value, /^HTTP\/1\.1 307 [^]*\r\nlocation: https:\/\/a\.example\/\r\n/);
    assert(!/\r\nconnection: close\r\n/i.test(value));
  }
  listener.stop();
  for (const [at, client] of clients.entries()) {
    const value = await say(client, at === 0 ? "/" : "/later");
    await client.return();
    assertMatch(value, /^HTTP\/1\.1 307 [^]*\r\nlocation: https:\/\/a\.example\/\r\n/);
    assertMatch(value, /\r\nconnection: close\r\n/i);
  }
  await listener.finished;
  // The answer itself is none that was changed.
  assertEquals(kept.headers.get("connection"), null);
});

Deno.test("a listener serves until it is stopped, and then accepts nothing more", async () => {
  const answer = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const listener = listen(() => {
    asked.resolve();
    return answer.promise;
  }, { host: HOST, port: 0, ...WORLD });
  const { hostname, port } = listener.address;
  assertEquals(hostname, HOST);
  assert(port > 0);
  const pull = fetch(`http://${HOST}:${port}/`);
  await asked.promise;
  listener.stopAtOnce();
  let finished = false;
  listener.finished.then(() => finished = true);
  await refused(port);
  assertEquals(finished, false);
  answer.resolve(new Response("all of it"));
  assertEquals(await (await pull).text(), "all of it");
  await listener.finished;
});

Deno.test("a listener answers 500 when a handler fails, tells why, and serves on", async () => {
  const failures: unknown[] = [];
  let threw = 0;
  const error = new Error("a secret");
  const handlers = [
    () => {
      throw error;
    },
    () => Promise.reject(error),
    () => new Response("well"),
  ];
  const listener = listen(() => handlers.shift()!(), {
    host: HOST,
    port: 0,
    ...WORLD,
    onError: (error) => void failures.push(error),
    onThrown: () => void threw++,
  });
  for (let time = 0; time < 2; time++) {
    const response = await fetch(`http://${HOST}:${listener.address.port}/`);
    assertEquals(response.status, 500);
    assertEquals(
      await response.text(),
      '{"errors":[{"code":"UNKNOWN","message":"internal error"}]}',
    );
  }
  const response = await fetch(`http://${HOST}:${listener.address.port}/`);
  assertEquals(await response.text(), "well");
  assertEquals(failures, [error, error]);
  assertEquals(threw, 2);
  listener.stopAtOnce();
  await listener.finished;
});

Deno.test("a listener throws when it cannot listen", () => {
  using taken = Deno.listen({ hostname: HOST, port: 0 });
  const handler = () => new Response();
  const { port } = taken.addr;
  assertThrows(
    () => listen(handler, { host: HOST, port, ...WORLD }),
    Deno.errors.AddrInUse,
  );
  const tls = { cert: "no certificate", key: "no key" };
  assertThrows(
    () => listen(handler, { host: HOST, port: 0, tls, ...WORLD }),
    Deno.errors.InvalidData,
  );
});

Deno.test("a listener that is given a bad certificate keeps its own, and takes none once it has stopped", async () => {
  const tls = await createCertificate();
  const listener = listen(() => new Response("well"), { host: HOST, port: 0, tls, ...WORLD });
  const bad = { cert: "no certificate", key: "no key" };
  assertThrows(() => listener.certify(bad), Deno.errors.InvalidData);
  using client = Deno.createHttpClient({ caCerts: [tls.cert], poolMaxIdlePerHost: 0 });
  const response = await fetch(`https://${HOST}:${listener.address.port}/`, { client });
  assertEquals(await response.text(), "well");
  listener.stopAtOnce();
  await listener.finished;
  listener.certify(bad);
  await refused(listener.address.port);
});
