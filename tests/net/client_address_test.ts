import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Address, parseAddress, tryAddress } from "../../lib/net/address.ts";
import { countEntries, tryForwardedAddress, tryPeerAddress } from "../../lib/net/client_address.ts";

function check(table: { header: string; fromEnd: number; expected: string | undefined }[]): void {
  for (const { header, fromEnd, expected } of table) {
    const address = expected === undefined ? undefined : parseAddress(expected);
    assertEquals(tryForwardedAddress(header, fromEnd), address, `${fromEnd} of "${header}"`);
  }
}

Deno.test("tryForwardedAddress() takes the entry that is so far from the end", () => {
  const header = "192.0.2.1,2001:db8::2, 192.0.2.3";
  check([
    { header, fromEnd: 1, expected: "192.0.2.3" },
    { header, fromEnd: 2, expected: "2001:db8::2" },
    { header, fromEnd: 3, expected: "192.0.2.1" },
    { header, fromEnd: 4, expected: undefined },
    { header: "192.0.2.1", fromEnd: 1, expected: "192.0.2.1" },
    { header: "192.0.2.1", fromEnd: 2, expected: undefined },
    { header: "192.0.2.1,192.0.2.2", fromEnd: 2, expected: "192.0.2.1" },
    { header: "192.0.2.1,192.0.2.2", fromEnd: 3, expected: undefined },
    { header: "::ffff:192.0.2.1,192.0.2.2", fromEnd: 2, expected: "192.0.2.1" },
  ]);
});

Deno.test("tryForwardedAddress() looks at nothing that stands before its entry", () => {
  const hostile = [
    "203.0.113.9",
    "evil",
    "",
    ",,,",
    "127.0.0.1, ::1",
    '"',
    "\u0000",
    "%2c",
    "x".repeat(65536),
  ];
  for (const sent of hostile) {
    check([
      { header: `${sent},192.0.2.1,192.0.2.2`, fromEnd: 2, expected: "192.0.2.1" },
      { header: `${sent} , 192.0.2.1 , 192.0.2.2`, fromEnd: 2, expected: "192.0.2.1" },
      { header: `${sent},192.0.2.2`, fromEnd: 1, expected: "192.0.2.2" },
    ]);
  }
});

Deno.test("tryForwardedAddress() does not go on looking when its entry is no address", () => {
  check([
    { header: "192.0.2.1,evil,192.0.2.2", fromEnd: 2, expected: undefined },
    { header: "192.0.2.1,,192.0.2.2", fromEnd: 2, expected: undefined },
    { header: "192.0.2.1, ,192.0.2.2", fromEnd: 2, expected: undefined },
    { header: "192.0.2.1,", fromEnd: 1, expected: undefined },
    { header: ",192.0.2.1", fromEnd: 2, expected: undefined },
    { header: "192.0.2.1,unknown", fromEnd: 1, expected: undefined },
    { header: "192.0.2.1,_hidden", fromEnd: 1, expected: undefined },
    { header: "", fromEnd: 1, expected: undefined },
    { header: "", fromEnd: 2, expected: undefined },
    { header: " ", fromEnd: 1, expected: undefined },
    { header: ",", fromEnd: 1, expected: undefined },
    { header: ",", fromEnd: 2, expected: undefined },
    { header: ",", fromEnd: 3, expected: undefined },
  ]);
});

Deno.test("tryForwardedAddress() passes over spaces and tabs around an entry, and no more", () => {
  check([
    { header: " 192.0.2.1 , 192.0.2.2 ", fromEnd: 1, expected: "192.0.2.2" },
    { header: "\t 192.0.2.1\t,\t192.0.2.2", fromEnd: 2, expected: "192.0.2.1" },
    { header: "   ::1\t \t", fromEnd: 1, expected: "::1" },
    { header: "192.0. 2.1", fromEnd: 1, expected: undefined },
    { header: "192.0.2.1 192.0.2.2", fromEnd: 1, expected: undefined },
    { header: "192.0.2.1\n", fromEnd: 1, expected: undefined },
    { header: "192.0.2.1\u00a0", fromEnd: 1, expected: undefined },
    { header: "192.0.2.1;192.0.2.2", fromEnd: 1, expected: undefined },
  ]);
});

Deno.test("tryForwardedAddress() reads an address with a port, or in brackets", () => {
  const table = [
    { text: "192.0.2.1:443", expected: "192.0.2.1" },
    { text: "192.0.2.1:0", expected: "192.0.2.1" },
    { text: "192.0.2.1:00080", expected: "192.0.2.1" },
    { text: "192.0.2.1:65535", expected: "192.0.2.1" },
    { text: "[2001:db8::1]", expected: "2001:db8::1" },
    { text: "[2001:DB8::1]:443", expected: "2001:db8::1" },
    { text: "[::]:1", expected: "::" },
    { text: "[::ffff:192.0.2.1]:443", expected: "192.0.2.1" },
    { text: "[::ffff:192.0.2.1]", expected: "192.0.2.1" },
    // Without brackets there is no telling where a port would begin: it is all address.
    { text: "2001:db8::1:443", expected: "2001:db8::1:443" },
    { text: "::1:80", expected: "::1:80" },
  ];
  for (const { text, expected } of table) {
    check([
      { header: text, fromEnd: 1, expected },
      { header: `evil, ${text} , 192.0.2.2`, fromEnd: 2, expected },
      { header: `192.0.2.9:80,${text},[::2]:80`, fromEnd: 2, expected },
    ]);
  }
});

Deno.test("tryForwardedAddress() reads no port that is none, and no brackets but whole ones", () => {
  const texts = [
    ...["192.0.2.1:", "192.0.2.1:99999", "192.0.2.1:65536", "192.0.2.1:000080", "192.0.2.1:-1"],
    ...["192.0.2.1:+80", "192.0.2.1: 80", "192.0.2.1:8o", "192.0.2.1:80:80"],
    ...["192.0.2.1:0x50", "192.0.2.1:http", "192.0.2.1 :80", "192.0.2:80", "192.0.2.01:80"],
    ...["192.0.2.1:１", ":80", ":", "[", "]", "[]", "[]:80", "[:", "[:]", "[::1", "::1]", "[::1]:"],
    ...[
      "[::1]80",
      "[::1]]",
      "[[::1]]",
      "[::1]:99999",
      "[::1]: 80",
      "[::1] :80",
      "[::1 ]",
      "[ ::1]",
    ],
    ...["[192.0.2.1]", "[192.0.2.1]:80", "[192.0.2.1:80]", "[::1]:80:80", "::ffff:192.0.2.1:80"],
    ...["[fe80::1%eth0]", "[fe80::1%eth0]:80", "x[::1]", "[::1].1", "[v1.a:b]"],
  ];
  for (const text of texts) {
    check([
      { header: text, fromEnd: 1, expected: undefined },
      { header: `${text},192.0.2.2`, fromEnd: 2, expected: undefined },
      { header: `[::1],${text},[::1]:80`, fromEnd: 2, expected: undefined },
    ]);
  }
});

Deno.test("tryForwardedAddress() takes no zones, prefixes, quotes, names or short forms", () => {
  const texts = [
    ...["fe80::1%eth0", "192.0.2.0/24", '"192.0.2.1"', "for=192.0.2.1", "localhost"],
    ...["010.1.1.1", "0x7f.1", "127.1", "3221225985", "010.1.1.1:80", "0x7f.1:80", "127.1:80"],
  ];
  for (const text of texts) {
    check([
      { header: text, fromEnd: 1, expected: undefined },
      { header: `${text},192.0.2.2`, fromEnd: 2, expected: undefined },
    ]);
  }
});

Deno.test("tryForwardedAddress() reads headers of 64 KB", () => {
  const commas = ",".repeat(65536);
  const spaces = " ".repeat(65536);
  check([
    { header: commas, fromEnd: 2, expected: undefined },
    { header: commas, fromEnd: 65537, expected: undefined },
    { header: commas, fromEnd: 65538, expected: undefined },
    { header: `192.0.2.1${commas}`, fromEnd: 65537, expected: "192.0.2.1" },
    { header: `${commas}192.0.2.1,192.0.2.2`, fromEnd: 2, expected: "192.0.2.1" },
    { header: `${spaces}192.0.2.1${spaces},192.0.2.2`, fromEnd: 2, expected: "192.0.2.1" },
    { header: spaces, fromEnd: 1, expected: undefined },
    { header: "1".repeat(65536), fromEnd: 1, expected: undefined },
    { header: ":".repeat(65536), fromEnd: 1, expected: undefined },
    { header: "[".repeat(65536), fromEnd: 1, expected: undefined },
    { header: `[::1]:${"0".repeat(65536)}`, fromEnd: 1, expected: undefined },
    { header: "192.0.2.1,".repeat(6000) + "192.0.2.2", fromEnd: 2, expected: "192.0.2.1" },
  ]);
});

/** The same, by expressions that anybody can see are right. */
function slowlyRead(text: string): Address | undefined {
  const portless = /^(.+):([0-9]{1,5})$/.exec(text);
  const [, host, port] = portless !== null && Number(portless[2]) <= 65535
    ? portless
    : [, undefined, undefined];
  const inBrackets = /^\[(.*:.*)\]$/;
  const forms = [
    text,
    inBrackets.exec(text)?.[1],
    host?.includes(":") ? inBrackets.exec(host)?.[1] : port && host,
  ];
  return forms.map((form) => form === undefined ? undefined : tryAddress(form))
    .find((address) => address !== undefined);
}

Deno.test("tryForwardedAddress() reads as splitting at commas, trimming and expressions would", () => {
  const port = fc.oneof(
    fc.constantFrom("", ":", ":0", ":65535", ":65536", ":a", ":1:2", "]", "]:1"),
    fc.nat(99999).map((number) => `:${number}`),
  );
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV6().map((text) => `[${text}]`));
  const entry = fc.oneof(
    fc.tuple(fc.constantFrom("", "", "", "[", " "), host, port).map((parts) => parts.join("")),
    fc.string({
      unit: fc.constantFrom("1", ".", ":", " ", "\t", "a", "::", "-", "[", "]", "1.2.3.4"),
      maxLength: 9,
    }),
  );
  const padded = fc.tuple(fc.constantFrom("", " ", "\t "), entry, fc.constantFrom("", " ", "\t"))
    .map((parts) => parts.join(""));
  const property = fc.property(
    fc.array(padded),
    fc.integer({ min: 1, max: 4 }),
    (entries, from) => {
      const header = entries.join(",");
      const text = header.split(",").at(-from);
      const expected = text === undefined
        ? undefined
        : slowlyRead(text.replace(/^[ \t]+|[ \t]+$/g, ""));
      assertEquals(tryForwardedAddress(header, from), expected);
    },
  );
  fc.assert(property, { numRuns: 5000 });
});

Deno.test("countEntries() counts what commas divide", () => {
  const table = [
    { header: "", expected: 0 },
    { header: " \t", expected: 0 },
    { header: "192.0.2.1", expected: 1 },
    { header: "192.0.2.1, 192.0.2.2", expected: 2 },
    { header: ",", expected: 2 },
    { header: "evil,,192.0.2.1", expected: 3 },
  ];
  for (const { header, expected } of table) assertEquals(countEntries(header), expected, header);
});

Deno.test("tryPeerAddress() reads a peer's address and leaves a zone out", () => {
  const table = [
    { hostname: "192.0.2.1", expected: "192.0.2.1" },
    { hostname: "2001:db8::1", expected: "2001:db8::1" },
    { hostname: "::ffff:192.0.2.1", expected: "192.0.2.1" },
    { hostname: "fe80::1%eth0", expected: "fe80::1" },
    { hostname: "fe80::1%2", expected: "fe80::1" },
    { hostname: "fe80::1%", expected: "fe80::1" },
    { hostname: "%eth0", expected: undefined },
    { hostname: "", expected: undefined },
    { hostname: "localhost", expected: undefined },
    { hostname: "/run/archeio.sock", expected: undefined },
  ];
  for (const { hostname, expected } of table) {
    const address = expected === undefined ? undefined : parseAddress(expected);
    assertEquals(tryPeerAddress(hostname), address, hostname);
  }
});
