/**
 * Programs that check what the project is installed by, made by Go and kept outside the
 * checkout by version.
 *
 * Run on its own, it makes what is missing, which takes some minutes.
 *
 * @module
 */

const CACHE = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;

/** A program, and what it is made of. */
export interface Tool {
  readonly name: string;
  /** The package of Go, without a version. */
  readonly source: string;
  readonly version: string;
}

/** Checks workflows of GitHub Actions. */
export const ACTIONLINT: Tool = {
  name: "actionlint",
  source: "github.com/rhysd/actionlint/cmd/actionlint",
  version: "1.7.12",
};

/** Renders and packs charts for Kubernetes. */
export const HELM: Tool = {
  name: "helm",
  source: "helm.sh/helm/v3/cmd/helm",
  version: "3.22.0",
};

function folderOf({ name, version }: Tool): string {
  return `${CACHE}/archeio-programs/${name}-${version}`;
}

/** Where a tool is once it is made. */
export function pathOf(tool: Tool): string {
  return `${folderOf(tool)}/${tool.name}`;
}

/** Whether a tool is not made yet; if so, says what makes it. */
export function isMissing(tool: Tool): boolean {
  if (isFile(pathOf(tool))) return false;
  console.warn(`Not everything is tested without ${tool.name}: deno task tools`);
  return true;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Makes a tool that is missing.
 *
 * @throws {Error} when Go is missing, or cannot make it
 */
export async function ensureTool(tool: Tool): Promise<void> {
  if (isFile(pathOf(tool))) return;
  const source = `${tool.source}@v${tool.version}`;
  console.error(`go install ${source}`);
  const { success } = await new Deno.Command("go", {
    args: ["install", source],
    env: { GOBIN: folderOf(tool), GOFLAGS: "-trimpath" },
    stdin: "null",
    stdout: "null",
  }).spawn().status;
  if (!success) throw new Error(`failed: go install ${source}`);
}

if (import.meta.main) {
  for (const tool of [ACTIONLINT, HELM]) await ensureTool(tool);
}
