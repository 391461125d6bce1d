import { assertEquals } from "@std/assert";
import { encodeXml, listElements, tryElement } from "../../lib/fill/stores/s3_xml.ts";

Deno.test("elements of S3's XML are read as they are meant, or not at all", () => {
  const table = [
    { xml: "<Key>a&amp;b&lt;&gt;&quot;&apos;</Key>", expected: `a&b<>"'` },
    { xml: "<Key>&#x41;&#66;&#x110000;&none;</Key>", expected: "AB&#x110000;&none;" },
    { xml: "<Key></Key>", expected: "" },
    { xml: "<Key>open", expected: undefined },
    { xml: "<Other>x</Other>", expected: undefined },
  ];
  for (const { xml, expected } of table) assertEquals(tryElement(xml, "Key"), expected, xml);
  assertEquals([...listElements("<A>1</A><B/><A>2</A><A>3", "A")], ["1", "2"]);
  assertEquals(tryElement(`<Key>${encodeXml(`<a>"'&`)}</Key>`, "Key"), `<a>"'&`);
});
