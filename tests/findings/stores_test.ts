import { assertEquals } from "@std/assert";
import { failed, failedForGood } from "../../lib/fill/failure.ts";
import { findInStores, type LookAtStoresOptions } from "../../lib/findings/find_in_stores.ts";
import { createBytes, createMemoryStore, digestOf, hashes } from "../fill/fixture.ts";

const SMALL = createBytes(1000, 2);
const MIRROR = {
  number: 0,
  name: "near",
  url: "https://near.example",
  template: undefined,
  fallbackLimit: Infinity,
};

async function find(
  change: (store: ReturnType<typeof createMemoryStore>) => void,
  more: Partial<LookAtStoresOptions> = {},
): Promise<string[]> {
  const store = createMemoryStore("near");
  store.objects.set(digestOf(SMALL), SMALL);
  change(store);
  const findings = await findInStores([{ mirror: MIRROR, store }], {
    write: false,
    sample: 0,
    fetch: () => Promise.resolve(new Response(SMALL)),
    createHash: hashes,
    random: () => 0,
    signal: new AbortController().signal,
    ...more,
  });
  return findings.map(({ verdict, found }) => `${verdict} ${found}`);
}

const NOT_WRITTEN = "untried writing was not tried: --write does";

Deno.test("a store is said to be as it answers", async () => {
  const lists = "good lists 1 blob, 1.00 kB";
  const stopped = new AbortController();
  stopped.abort();
  const sample = { sample: 5 };
  const answer = (response: Response | Error): typeof fetch => () =>
    response instanceof Error ? Promise.reject(response) : Promise.resolve(response);
  const table: {
    change?: Parameters<typeof find>[0];
    more?: Partial<LookAtStoresOptions>;
    expected: string[];
  }[] = [
    { expected: [lists, NOT_WRITTEN] },
    { more: { signal: stopped.signal }, expected: ["untried the time was over"] },
    {
      change: (store) => store.list = () => Promise.resolve(failedForGood("403")),
      expected: ["warning cannot be listed, so it cannot be filled: 403"],
    },
    {
      change: (store) => store.list = () => Promise.reject(new Error("reset")),
      expected: ["warning cannot be listed, so it cannot be filled: reset"],
    },
    {
      change: (store) => store.tryWrite = () => Promise.resolve(failed("403")),
      more: { write: true },
      expected: [lists, "warning cannot be written to: 403"],
    },
    { more: { write: true }, expected: [lists, "good lets an upload begin"] },
    {
      more: sample,
      expected: [lists, NOT_WRITTEN, "good delivers 1 of 1 blobs that were hashed"],
    },
    {
      more: { ...sample, fetch: answer(new Response("no", { status: 403 })) },
      expected: [
        lists,
        NOT_WRITTEN,
        `bad ${digestOf(SMALL)}: the mirror answers 403, the store has it`,
      ],
    },
    {
      more: { ...sample, fetch: answer(new Error("reset")) },
      expected: [lists, NOT_WRITTEN, `bad ${digestOf(SMALL)}: the mirror breaks off: reset`],
    },
    {
      change: (store) => {
        store.list = ({ onBlob }) => {
          onBlob({ digest: digestOf(SMALL), size: 5, writtenMs: 0 });
          return Promise.resolve({ kind: "done" });
        };
      },
      more: sample,
      expected: [
        "good lists 1 blob, 5 B",
        NOT_WRITTEN,
        `bad ${digestOf(SMALL)}: the store lists 5 bytes of 1000`,
      ],
    },
  ];
  for (const { change = () => {}, more = {}, expected } of table) {
    assertEquals(await find(change, more), expected);
  }
});

Deno.test("of a large store, the beginning is enough", async () => {
  const found = await find((store) => {
    store.list = ({ onBlob, signal }) => {
      for (let count = 0; !signal.aborted; count++) {
        onBlob({ digest: digestOf(SMALL), size: 1, writtenMs: 0 });
      }
      return Promise.reject(signal.reason);
    };
  });
  assertEquals(found, ["good lists more than 20000 blobs", NOT_WRITTEN]);
});
