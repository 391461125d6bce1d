/**
 * Writes the notes of a release: what the changelog says of its version.
 *
 * @module
 */

import { FOLDER, ROOT, VERSION } from "./targets.ts";

/**
 * What a changelog says of a version.
 *
 * @throws {Error} when it has no such version, no day for it, or nothing of it
 */
export function readNotes(changelog: string, version: string): string {
  const [, ...sections] = changelog.split(/^## /m);
  const section = sections.find((section) => section.startsWith(`[${version}]`));
  if (section === undefined) throw new Error(`the changelog has no version ${version}`);
  const [heading, ...lines] = section.split("\n");
  if (!/^\[\S+\] - \d{4}-\d\d-\d\d$/.test(heading!)) {
    throw new Error(`"${heading}" is not [${version}] and a day`);
  }
  const notes = lines.join("\n").trim();
  if (notes === "") throw new Error(`the changelog says nothing of ${version}`);
  return `${notes}\n`;
}

/** Throws unless a tag is that of a version. */
export function checkTag(tag: string, version: string): void {
  if (tag === `v${version}`) return;
  throw new Error(`the tag ${tag} is not v${version}, the version in deno.json`);
}

if (import.meta.main) {
  const tag = Deno.args[0] ?? Deno.env.get("GITHUB_REF_NAME") ?? `v${VERSION}`;
  checkTag(tag, VERSION);
  const changelog = await Deno.readTextFile(`${ROOT}docs/CHANGELOG.md`);
  await Deno.mkdir(FOLDER, { recursive: true });
  await Deno.writeTextFile(`${ROOT}dist/notes.md`, readNotes(changelog, VERSION));
}
