/**
 * Real clients that pull image after image while a mirror fails. A pull that fails is tried
 * again within 5 s, as those who use them do.
 *
 * @module
 */

import { createCertificateFiles } from "../certificate_files.ts";
import { hasDocker, startDocker } from "../clients/docker.ts";
import { ensurePrograms } from "../programs.ts";
import { run } from "../run.ts";
import { createTempFolder } from "../temp_folder.ts";
import type { SmallImage } from "./images.ts";

/** A client. */
export interface RealClient {
  readonly name: string;
  /** Pulls an image, given as `<host>/<name>:<tag>`. */
  pull(image: string): Promise<void>;
}

/** What came of a client's pulls. */
export interface Runs {
  readonly client: string;
  /** How many images it was to pull. */
  pulls: number;
  /** Of how many the first try failed. */
  failedFirst: number;
  /** Why images could not be pulled, however often it was tried. */
  readonly failures: string[];
  /** How many could not be pulled because the client keeps what it was given first. */
  spoiled: number;
}

/** Clients, ready to pull. */
export interface StartedClients extends AsyncDisposable {
  readonly clients: readonly RealClient[];
  readonly certificate: TrustedCertificate;
}

/** A certificate that the clients trust. */
export interface TrustedCertificate {
  readonly cert: string;
  readonly key: string;
  /** What makes other programs trust it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts skopeo's client, and docker's where it is installed. */
export async function startClients(): Promise<StartedClients> {
  await ensurePrograms();
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createTempFolder());
  const { certFile, ...certificate } = await createCertificateFiles(path);
  const env = { SSL_CERT_FILE: certFile, DENO_TLS_CA_STORE: "system" };
  const clients: RealClient[] = [{ name: "skopeo", pull: (image) => copy(image, env) }];
  if (await hasDocker()) {
    const docker = stack.use(await startDocker(`${path}/docker`, env));
    clients.unshift(
      { name: "docker", pull: docker.pull },
      { name: "BuildKit", pull: docker.build },
    );
  } else console.error("docker and BuildKit do not pull: docker.io is not installed");
  const started = stack.move();
  return {
    clients,
    certificate: { ...certificate, env },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

async function copy(image: string, env: Readonly<Record<string, string>>): Promise<void> {
  await using folder = await createTempFolder();
  await run("skopeo", [
    ...["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"],
    ...[`docker://${image}`, `dir:${folder.path}/image`],
  ], { env });
}

const TRIES = 3;
const RETRY_MS = 2000;

// BuildKit goes on from the bytes that it has, as Debian's containerd does. After a page that is
// longer than the blob it asks nobody any more, whatever it is told: each try ends so.
function isSpoiled(error: unknown): boolean {
  return /failed size validation/.test(String(error));
}

/** What clients pull, and how fast. */
export interface RunsOptions {
  readonly host: string;
  readonly images: readonly SmallImage[];
  /** The least time from the start of a pull to that of the next, in milliseconds. */
  readonly everyMs: number;
  /** Whether no further pull is to begin. */
  readonly isOver: () => boolean;
}

/** Has a client pull until it is over; resolves when its last pull has ended. */
export async function runClient(client: RealClient, options: RunsOptions): Promise<Runs> {
  const { host, images, everyMs, isOver } = options;
  const runs: Runs = { client: client.name, pulls: 0, failedFirst: 0, failures: [], spoiled: 0 };

  async function pull({ name }: SmallImage): Promise<void> {
    for (let number = 1;; number++) {
      try {
        return await client.pull(`${host}/${name}:v1`);
      } catch (error) {
        if (number === 1) runs.failedFirst++;
        if (isSpoiled(error)) return void runs.spoiled++;
        if (number === TRIES) return void runs.failures.push(String(error));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  const pulling: Promise<void>[] = [];
  for (const image of images) {
    if (isOver()) break;
    runs.pulls++;
    // None waits for the one before, which may hang.
    pulling.push(pull(image));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await Promise.all(pulling);
  return runs;
}
