/**
 * Publishes a release at GitHub: its files with their checksums, and its notes.
 *
 * @module
 */

import { FILES } from "./checksums.ts";
import { FOLDER, ROOT, runProgram, VERSION } from "./targets.ts";

if (import.meta.main) {
  const files = [...FILES, "SHA256SUMS"].map((name) => `${FOLDER}/${name}`);
  const prerelease = VERSION.includes("-") ? ["--prerelease"] : [];
  await runProgram("gh", [
    ...["release", "create", `v${VERSION}`, "--verify-tag", "--title", `archeio ${VERSION}`],
    ...["--notes-file", `${ROOT}dist/notes.md`, ...prerelease, ...files],
  ]);
}
