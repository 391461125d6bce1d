import { assert, assertEquals } from "@std/assert";
import { createCertificate } from "./certificate.ts";
import { type Child, startChild } from "./child.ts";
import type { Order, Orders } from "./listener_child.ts";

const FILES = 64;

interface Started extends AsyncDisposable {
  readonly child: Child;
  readonly port: number;
  /** Tells it something, and waits until it says that it has done it. */
  readonly order: (
    order: Order | Exclude<Order["kind"], "certify">,
    done?: string,
  ) => Promise<void>;
}

async function startListeners(orders: Orders, files?: number): Promise<Started> {
  const child = startChild("listener_child.ts", orders, {
    sharing: orders.listeners > 1 || orders.tls !== undefined,
    ...files === undefined ? {} : { files },
  });
  const { port } = await child.nextOf("port");
  return {
    child,
    port: Number(port),
    async order(order, done) {
      await child.tell(typeof order === "string" ? { kind: order } : order);
      if (done !== undefined) await child.nextOf(done);
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** The answer on a new connection, or `undefined` when there is none. */
async function ask(port: number): Promise<string | undefined> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const signal = AbortSignal.timeout(1000);
    return await (await fetch(`http://127.0.0.1:${port}/`, { client, signal })).text();
  } catch {
    return undefined;
  }
}

/** Has a process open all the files that it may, until a listener fails for that. */
async function exhaust({ child, port, order }: Started): Promise<void> {
  let failed = false;
  const failing = child.nextOf("failed").then(() => failed = true);
  while (!failed) {
    await order("fill");
    await ask(port);
  }
  await failing;
}

/** Asks until all of some answers came; what hangs is ended by the child's patience. */
async function askUntil(port: number, wanted: readonly string[]): Promise<void> {
  const missing = new Set<string | undefined>(wanted);
  while (missing.size > 0) missing.delete(await ask(port));
}

Deno.test("a listener serves again when this process may open files again", async () => {
  await using started = await startListeners({ listeners: 1 }, FILES);
  const { child, port, order } = started;
  assertEquals(await ask(port), "0");
  await exhaust(started);
  await order("look", "looked");
  await order("free", "freed");
  await askUntil(port, ["0"]);
  await order("look", "looked");
  assertEquals(await ask(port), "0");
  await order("stop", "stopped");
  assertEquals(await ask(port), undefined);
  assertEquals(await child.status(), 0);
});

Deno.test("a listener that cannot serve any more can be stopped all the same, and does not come back", async () => {
  await using started = await startListeners({ listeners: 1 }, FILES);
  const { child, port, order } = started;
  await exhaust(started);
  await order("stop", "stopped");
  await order("free", "freed");
  await order("look", "looked");
  assertEquals(await ask(port), undefined);
  // Nothing is left that would wake it: its process comes to its end.
  assertEquals(await child.status(), 0);
});

Deno.test("listeners that share a port all serve again when this process may open files again", async () => {
  await using started = await startListeners({ listeners: 2 }, FILES);
  const { child, port, order } = started;
  await exhaust(started);
  for (let time = 0; time < 10; time++) await ask(port);
  await order("look", "looked");
  await order("look", "looked");
  await order("free", "freed");
  await order("look", "looked");
  await order("look", "looked");
  await askUntil(port, ["0", "1"]);
  await order("stop", "stopped");
  assertEquals(await child.status(), 0);
});

/** Whether a certificate is the one that a client gets on a new connection. */
async function serves(port: number, cert: string): Promise<boolean> {
  using client = Deno.createHttpClient({ caCerts: [cert], poolMaxIdlePerHost: 0 });
  try {
    const response = await fetch(`https://127.0.0.1:${port}/`, { client });
    return await response.text() === "0";
  } catch {
    return false;
  }
}

Deno.test("a listener with another certificate listens on the same port, and the old one drains", async () => {
  const [first, second] = [await createCertificate(), await createCertificate()];
  await using started = await startListeners({ listeners: 1, tls: first });
  const { child, port, order } = started;
  assert(await serves(port, first.cert));
  // A client that keeps its connection is told that it ends, and not cut off.
  using connection = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [first.cert],
    alpnProtocols: ["http/1.1"],
  });
  assert(!/^connection: close/mi.test(await say(connection)));
  await order({ kind: "certify", tls: second }, "certified");
  assert(/^connection: close/mi.test(await say(connection)));
  // Once the old one has drained, every new connection is the other one's.
  for (let inARow = 0; inARow < 20;) inARow = await serves(port, second.cert) ? inARow + 1 : 0;
  await order("stop", "stopped");
  assertEquals(await child.status(), 0);
});

async function say(connection: Deno.TlsConn): Promise<string> {
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const buffer = new Uint8Array(4096);
  const count = await connection.read(buffer);
  const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  assert(answer.startsWith("HTTP/1.1 200 "), answer);
  return answer;
}
