import { assert, assertEquals } from "@std/assert";
import { type Child, startChild } from "./child.ts";
import type { Order } from "./listener_child.ts";

const FILES = 64;

interface Started extends AsyncDisposable {
  readonly child: Child;
  readonly port: number;
  readonly order: (order: Order) => Promise<void>;
}

async function startListeners(listeners: number): Promise<Started> {
  const child = startChild("listener_child.ts", { listeners }, {
    files: FILES,
    sharing: listeners > 1,
  });
  const { port } = await child.nextOf("port");
  return {
    child,
    port: Number(port),
    order: (order) => child.tell(order),
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

/** Asks until there is an answer. */
async function askUntilAnswered(port: number): Promise<string> {
  for (;;) {
    const answer = await ask(port);
    if (answer !== undefined) return answer;
    await sleep(20);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("a listener serves again when this process may open files again", async () => {
  await using started = await startListeners(1);
  const { child, port, order } = started;
  assertEquals(await ask(port), "0");
  await exhaust(started);
  // It looks after its socket every second.
  await sleep(1200);
  await order("free");
  await child.nextOf("freed");
  assertEquals(await askUntilAnswered(port), "0");
  await sleep(1200);
  assertEquals(await ask(port), "0");
  await order("stop");
  await child.nextOf("stopped");
  assertEquals(await ask(port), undefined);
  assertEquals(await child.status(), 0);
});

Deno.test("a listener that cannot serve any more can be stopped all the same", async () => {
  await using started = await startListeners(1);
  const { child, port, order } = started;
  await exhaust(started);
  await order("stop");
  await child.nextOf("stopped");
  await order("free");
  await child.nextOf("freed");
  await sleep(200);
  assertEquals(await ask(port), undefined);
  assertEquals(await child.status(), 0);
});

Deno.test("listeners that share a port all serve again when this process may open files again", async () => {
  await using started = await startListeners(2);
  const { child, port, order } = started;
  await exhaust(started);
  for (let time = 0; time < 10; time++) await ask(port);
  await sleep(1200);
  await order("free");
  await child.nextOf("freed");
  await sleep(2200);
  const answers = new Set<string | undefined>();
  for (let time = 0; time < 40; time++) answers.add(await ask(port));
  assert(!answers.has(undefined));
  assertEquals([...answers].sort(), ["0", "1"]);
  await order("stop");
  await child.nextOf("stopped");
  assertEquals(await child.status(), 0);
});
