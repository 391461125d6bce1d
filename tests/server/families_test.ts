import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { listenOnFamilies, openFamilies } from "../../lib/server/families.ts";
import type { ListenerOptions } from "../../lib/server/listener.ts";
import { createCertificate } from "./certificate.ts";

const handler = () => new Response(null);

const WORLD: Pick<ListenerOptions, "later" | "onError"> = {
  later(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  onError(error) {
    throw error;
  },
};

/** What the platform throws where the kernel has no IPv6. */
const noFamily = () =>
  Object.assign(new Error("Address family not supported by protocol (os error 97)"), {
    code: "EAFNOSUPPORT",
  });
const noAddress = () => new Deno.errors.AddrNotAvailable("Cannot assign requested address");
const inUse = () => new Deno.errors.AddrInUse("Address already in use");

Deno.test("openFamilies() opens every address of a host, and IPv4 alone without IPv6", () => {
  const table = [
    { asked: "::", without: undefined, expected: ["::"] },
    { asked: "::", without: noFamily, expected: ["0.0.0.0"] },
    { asked: "::", without: noAddress, expected: ["0.0.0.0"] },
    { asked: "localhost", without: undefined, expected: ["127.0.0.1", "::1"] },
    { asked: "localhost", without: noFamily, expected: ["127.0.0.1"] },
    { asked: "localhost", without: noAddress, expected: ["127.0.0.1"] },
    { asked: "0.0.0.0", without: noFamily, expected: ["0.0.0.0"] },
    { asked: "registry.example", without: noFamily, expected: ["registry.example"] },
  ];
  for (const { asked, without, expected } of table) {
    const opened: string[] = [];
    openFamilies(asked, (host) => {
      if (without !== undefined && host.includes(":")) throw without();
      opened.push(host);
    });
    assertEquals(opened, expected, asked);
  }
});

Deno.test("openFamilies() hides no other reason why an address cannot be had", () => {
  for (const host of ["::", "localhost", "127.0.0.1"]) {
    const open = (address: string) => {
      if (address !== "127.0.0.1" || host === address) throw inUse();
    };
    assertThrows(() => openFamilies(host, open), Deno.errors.AddrInUse);
  }
  // Who asks for an address gets it, or hears why not.
  assertThrows(
    () =>
      openFamilies("::1", () => {
        throw noAddress();
      }),
    Deno.errors.AddrNotAvailable,
  );
});

for (const host of ["::", "localhost"]) {
  Deno.test(`listenOnFamilies() answers both families on ${host}, and stops for both`, async () => {
    const listener = listenOnFamilies(handler, { host, port: 0, ...WORLD });
    const { port } = listener.address;
    const urls = [`http://127.0.0.1:${port}/`, `http://[::1]:${port}/`];
    for (const url of urls) {
      const response = await fetch(url, { headers: { connection: "close" } });
      await response.body?.cancel();
      assertEquals(response.status, 200, url);
    }
    listener.stopAtOnce();
    await listener.finished;
    for (const url of urls) await assertRejects(() => fetch(url), TypeError);
  });
}

Deno.test("listenOnFamilies() drains both", async () => {
  const listener = listenOnFamilies(handler, { host: "localhost", port: 0, ...WORLD });
  listener.stop();
  await listener.finished;
});

Deno.test("listenOnFamilies() keeps no address when it cannot have the other", async () => {
  const taken = Deno.listen({ hostname: "::1", port: 0 });
  const { port } = taken.addr;
  const listen = () => listenOnFamilies(handler, { host: "localhost", port, ...WORLD });
  assertThrows(listen, Deno.errors.AddrInUse);
  taken.close();
  // Closing takes its time.
  for (;;) {
    try {
      const listener = listen();
      listener.stopAtOnce();
      return await listener.finished;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
});

Deno.test("listenOnFamilies() gives both another certificate", async () => {
  const tls = await createCertificate();
  const listener = listenOnFamilies(handler, { host: "localhost", port: 0, tls, ...WORLD });
  const bad = { cert: "no certificate", key: "no key" };
  assertThrows(() => listener.certify(bad), Deno.errors.InvalidData);
  listener.stopAtOnce();
  await listener.finished;
});
