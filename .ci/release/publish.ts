/**
 * Publishes a release at GitHub: its files with their checksums, and its notes.
 *
 * @module
 */

import { writeChecksums } from "./binaries.ts";
import { FOLDER, ROOT, runProgram, TARGETS, VERSION } from "./targets.ts";

/** The files that a release has beside its checksums. */
export const FILES: readonly string[] = [
  ...Object.keys(TARGETS),
  "archeio.cdx.json",
  `archeio-${VERSION}.tgz`,
];

if (import.meta.main) {
  const there = new Set([...Deno.readDirSync(FOLDER)].map(({ name }) => name));
  const missing = FILES.filter((name) => !there.has(name));
  if (missing.length > 0) throw new Error(`dist/release lacks ${missing.join(", ")}`);
  await writeChecksums(FOLDER);
  const files = [...FILES, "SHA256SUMS"].map((name) => `${FOLDER}/${name}`);
  const prerelease = VERSION.includes("-") ? ["--prerelease"] : [];
  await runProgram("gh", [
    ...["release", "create", `v${VERSION}`, "--verify-tag", "--title", `archeio ${VERSION}`],
    ...["--notes-file", `${ROOT}dist/notes.md`, ...prerelease, ...files],
  ]);
}
