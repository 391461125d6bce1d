/**
 * Builds the image for all of its platforms by Docker's buildx: into `dist/image.tar`, an
 * OCI layout, or, with `--push NAME`, to a registry, whose digest it then writes to
 * `dist/image.json` and to the step's output.
 *
 * @module
 */

import { ROOT, runProgram, VERSION } from "./targets.ts";

const PLATFORMS = "linux/amd64,linux/arm64";
const METADATA = "dist/image.json";

/** What an image is labelled with beside what the Dockerfile says. */
export interface Origin {
  /** The commit it is built from. */
  readonly revision: string;
  /** The page of the repository, if it is known. */
  readonly source?: string | undefined;
  /** When the commit was made, as RFC 3339. */
  readonly created: string;
}

/** The labels and annotations of an image. */
export function labelsOf(dockerfile: string, { revision, source, created }: Origin) {
  const [name, digest] = baseOf(dockerfile);
  return {
    "org.opencontainers.image.version": VERSION,
    "org.opencontainers.image.revision": revision,
    "org.opencontainers.image.created": created,
    "org.opencontainers.image.base.name": name,
    "org.opencontainers.image.base.digest": digest,
    ...source !== undefined &&
      { "org.opencontainers.image.source": source, "org.opencontainers.image.url": source },
  };
}

/**
 * The name and the digest of the image that the last stage begins with.
 *
 * @throws {Error} when a stage begins with an image without a digest
 */
export function baseOf(dockerfile: string): readonly [name: string, digest: string] {
  const stages = [...dockerfile.matchAll(/^FROM (?:--\S+ )?(\S+)/gm)].map(([, image]) => image!);
  const bases = stages.map((image) => {
    const [, name, digest] = /^(\S+)@(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
    if (name === undefined) throw new Error(`${image} has no digest in the Dockerfile`);
    return [name, digest!] as const;
  });
  return bases.at(-1)!;
}

/** The arguments of `docker` that build an image, and push it if it has a name. */
export function argumentsFor(labels: Readonly<Record<string, string>>, name?: string): string[] {
  const described = Object.entries(labels).flatMap(([label, value]) => [
    ...["--label", `${label}=${value}`],
    ...["--annotation", `index,manifest:${label}=${value}`],
  ]);
  const target = name === undefined
    ? ["--output", "type=oci,dest=dist/image.tar"]
    : ["--tag", `${name}:${VERSION}`, "--push"];
  return [
    ...["buildx", "build", "--platform", PLATFORMS, "--provenance=mode=max", "--sbom=true"],
    ...["--metadata-file", METADATA, ...described, ...target, "."],
  ];
}

async function readOrigin(): Promise<Origin> {
  const { stdout } = await new Deno.Command("git", {
    args: ["show", "--no-patch", "--format=%H%n%cI"],
    cwd: ROOT,
  }).output();
  const [revision, created] = new TextDecoder().decode(stdout).split("\n");
  const repository = Deno.env.get("GITHUB_REPOSITORY");
  const server = Deno.env.get("GITHUB_SERVER_URL");
  const source = repository === undefined ? undefined : `${server}/${repository}`;
  return { revision: revision!, created: created!, source };
}

/** Tells the workflow's next steps what was pushed. */
async function writeOutput(name: string): Promise<void> {
  const built = JSON.parse(await Deno.readTextFile(`${ROOT}${METADATA}`));
  const lines = `name=${name}\ndigest=${built["containerimage.digest"]}\n`;
  console.log(lines);
  const file = Deno.env.get("GITHUB_OUTPUT");
  if (file !== undefined) await Deno.writeTextFile(file, lines, { append: true });
}

if (import.meta.main) {
  const [flag, name] = Deno.args;
  if (flag !== undefined && (flag !== "--push" || name === undefined)) {
    console.error("takes --push NAME, or nothing");
    Deno.exit(2);
  }
  const dockerfile = await Deno.readTextFile(`${ROOT}Dockerfile`);
  const labels = labelsOf(dockerfile, await readOrigin());
  await Deno.mkdir(`${ROOT}dist`, { recursive: true });
  // Names of images are in lower case, whatever the repository's is.
  await runProgram("docker", argumentsFor(labels, name?.toLowerCase()));
  if (name !== undefined) await writeOutput(name.toLowerCase());
}
