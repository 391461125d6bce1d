/**
 * Writes the checksums of a release's files, once all of them are there.
 *
 * @module
 */

import { FOLDER, TARGETS, VERSION } from "./targets.ts";

/** The files that a release has beside its checksums. */
export const FILES: readonly string[] = [
  ...Object.keys(TARGETS),
  "archeio.cdx.json",
  `archeio-${VERSION}.tgz`,
];

/** The lines of `sha256sum` for files, by name. */
export async function formatChecksums(files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const names = [...files.keys()].toSorted();
  const lines = await Promise.all(names.map(async (name) => {
    const hash = new Uint8Array(
      await crypto.subtle.digest("SHA-256", files.get(name)! as BufferSource),
    );
    return `${hash.toHex()}  ${name}\n`;
  }));
  return lines.join("");
}

/** Writes `SHA256SUMS` for all other files of the release. */
export async function writeChecksums(folder: string): Promise<void> {
  const files = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(folder)) {
    if (name !== "SHA256SUMS") files.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, await formatChecksums(files));
}

if (import.meta.main) {
  const there = new Set([...Deno.readDirSync(FOLDER)].map(({ name }) => name));
  const missing = FILES.filter((name) => !there.has(name));
  if (missing.length > 0) throw new Error(`dist/release lacks ${missing.join(", ")}`);
  await writeChecksums(FOLDER);
}
