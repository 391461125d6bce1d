/**
 * The sources of the page's script and style sheet, and their digest, by which a test notices
 * that they were changed and not generated again.
 *
 * @module
 */

/** The folder of the page's sources. */
export const PAGE: string = new URL("../../lib/admin/page/", import.meta.url).pathname;

const ELSEWHERE = ["../../redirect/backends.ts"];

/** Computes the digest of all sources. */
export async function digestSources(): Promise<string> {
  const names = [...Deno.readDirSync(PAGE)].map(({ name }) => name)
    .filter((name) => name !== "assets.ts").toSorted();
  const texts = [...names, ...ELSEWHERE].map((name) =>
    `${name}\n${Deno.readTextFileSync(PAGE + name)}`
  );
  const bytes = new TextEncoder().encode(texts.join("\n").replaceAll("\r\n", "\n"));
  return `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()}`;
}
