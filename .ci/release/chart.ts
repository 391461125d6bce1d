/**
 * Checks and packs the Helm chart.
 *
 * @module
 */

import { ensureTool, HELM, pathOf } from "../../tests/packaging/tools.ts";
import { FOLDER, ROOT, runProgram } from "./targets.ts";

const CHART = `${ROOT}docs/deploy/helm`;

if (import.meta.main) {
  await ensureTool(HELM);
  await Deno.mkdir(FOLDER, { recursive: true });
  await runProgram(pathOf(HELM), ["lint", "--strict", CHART]);
  await runProgram(pathOf(HELM), ["package", CHART, "--destination", FOLDER]);
}
