/**
 * Reads the few elements of S3's XML that are needed. The answers are flat lists of elements
 * without attributes, so they are matched, not parsed; what does not match is not there.
 *
 * @module
 */

/** The text of the first element of a name, or `undefined`. */
export function tryElement(xml: string, name: string): string | undefined {
  const begin = xml.indexOf(`<${name}>`);
  if (begin < 0) return undefined;
  const from = begin + name.length + 2;
  const end = xml.indexOf(`</${name}>`, from);
  return end < 0 ? undefined : decodeXml(xml.slice(from, end));
}

/** The contents of all elements of a name, as XML. */
export function* listElements(xml: string, name: string): Generator<string> {
  for (let at = 0;;) {
    const begin = xml.indexOf(`<${name}>`, at);
    const end = xml.indexOf(`</${name}>`, begin);
    if (begin < 0 || end < 0) return;
    yield xml.slice(begin + name.length + 2, end);
    at = end;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function decodeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi,
    (all, hex, decimal, name) => {
      if (name !== undefined) return ENTITIES[name] ?? all;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}

/** Encodes a text for XML. */
export function encodeXml(text: string): string {
  return text.replaceAll(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
