/**
 * The lines for Docker in docs/deployment.md, carried out as they stand, by buildah and podman.
 *
 * @module
 */

import type { ImageStorage } from "./storage.ts";

const NAME = "archeio-under-test";

/** The lines that begin with `docker` in a page's section about containers. */
export function readDockerLines(page: string): string[] {
  const [section] = /^## In a container\n[^]*?^## /m.exec(page) ?? [""];
  return [...section.matchAll(/^docker .*$/gm)].map(([line]) => line);
}

/** Where, and how else than as it stands, a line is carried out. */
export interface DockerOptions {
  readonly storage: ImageStorage;
  readonly cwd: string;
  /** More flags of `docker build` or `docker run`. */
  readonly flags?: readonly string[];
}

// A shell reads the lines, as it does a reader's, and finds this as `docker`.
function toScript(line: string, { storage, flags = [] }: DockerOptions): string {
  return `exec 2>&1
docker() {
  command=$1
  shift
  case $command in
    build) exec buildah ${quote(storage.buildahOptions)} build ${
    quote([...BUILD_FLAGS, ...flags])
  } "$@" ;;
    run) exec podman ${quote(storage.podmanOptions)} run ${quote([...RUN_FLAGS, ...flags])} "$@" ;;
    *) echo "docker $command is not known here" >&2; exit 64 ;;
  esac
}
${line}
`;
}

const BUILD_FLAGS = ["--isolation", "chroot", "--pull=never"];

const RUN_FLAGS = [
  ...["--name", NAME, "--pull=never"],
  // The mirrors of the tests are on the machine's loopback. A published port is then the
  // container's own, 8080 for all containers, so a free one is asked for.
  ...["--network=host", "--env", "PORT=0"],
  // Docker makes no exceptions to --read-only.
  "--read-only-tmpfs=false",
  // By default podman wants more than a container that it runs in may have.
  ...["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"],
];

function quote(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(" ");
}

/** Carries a line out, to its end or until it is stopped; what it prints is in its output. */
function carryOut(line: string, options: DockerOptions): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-euc", toScript(line, options)],
    cwd: options.cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

/** Carries a line out, and gives its status and what it prints. */
export async function playLine(
  line: string,
  options: DockerOptions,
): Promise<{ readonly code: number; readonly printed: string }> {
  const { code, stdout } = await carryOut(line, options).output();
  return { code, printed: new TextDecoder().decode(stdout) };
}

/** A container in which archeio serves. */
export interface Container extends AsyncDisposable {
  /** Where it listens, as it says itself: `http://0.0.0.0:<port>`. */
  readonly url: string;
  /** What Linux says of its process, in a file such as `status` in `/proc/<id>`. */
  readProcess(file: string): Promise<string>;
  /** Stops it with the image's signal, and gives the status that it ends with. */
  stop(): Promise<number>;
}

/**
 * Carries a line out that starts a container, until that serves.
 *
 * @throws {Error} with what it printed, when it ends before that
 */
export async function startContainer(line: string, options: DockerOptions): Promise<Container> {
  const { podman } = options.storage;
  const process = carryOut(line, options);
  const { promise: serving, resolve } = Promise.withResolvers<string>();
  let printed = "";
  const ended = (async () => {
    for await (const piece of process.stdout.pipeThrough(new TextDecoderStream())) {
      printed += piece;
      const [, url] = /"message":"listening".*"url":"([^"]+)\/".*\n/.exec(printed) ?? [];
      if (url !== undefined) resolve(url);
    }
    const { code } = await process.status;
    resolve("");
    return code;
  })();
  const url = await serving;
  if (url === "") throw new Error(`${line}\nended with ${await ended}:\n${printed}`);
  return {
    url,
    async readProcess(file) {
      const id = await podman("inspect", "--format", "{{.State.Pid}}", NAME);
      return await Deno.readTextFile(`/proc/${id.trim()}/${file}`);
    },
    async stop() {
      await podman("stop", NAME);
      return await ended;
    },
    async [Symbol.asyncDispose]() {
      await podman("rm", "--force", "--ignore", "--time", "0", NAME);
      await ended;
    },
  };
}
