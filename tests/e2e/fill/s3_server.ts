/**
 * A real S3 server, versitygw, whose objects are plain files.
 *
 * Run on its own, it builds the server if it is not there, and fails where that is not possible.
 *
 * @module
 */

import type { CertificateFiles } from "../certificate_files.ts";
import { isListening, startDaemon } from "../daemon.ts";
import { startOnFreePorts } from "../free_ports.ts";

const VERSION = "1.8.0";
const MODULE = "github.com/versity/versitygw/cmd/versitygw";

// Outside the checkout, so that it is built once.
const CACHE = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
const FOLDER = `${CACHE}/archeio-programs/versitygw-${VERSION}`;

/** The built program. */
export const VERSITYGW = `${FOLDER}/versitygw`;

/** The credentials of its only user. */
export const S3_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: "fill",
  AWS_SECRET_ACCESS_KEY: "secret-of-fill",
};

/** Builds it if it is not there; returns why it cannot be, or `undefined`. */
export async function tryBuild(): Promise<string | undefined> {
  if (await isFile(VERSITYGW)) return undefined;
  const folders = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    "/usr/local/go/bin",
    "/usr/lib/go/bin",
  ];
  const go = (await Promise.all(folders.map(
    async (folder) => await isFile(`${folder}/go`) ? [`${folder}/go`] : [],
  ))).flat()[0];
  if (go === undefined) return "Go, which versitygw is built with, is not installed";
  await Deno.mkdir(FOLDER, { recursive: true });
  console.error(`go install ${MODULE}@v${VERSION} (some minutes)`);
  const { success } = await new Deno.Command(go, {
    args: ["install", `${MODULE}@v${VERSION}`],
    env: { GOBIN: FOLDER },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  return success ? undefined : `go install ${MODULE}@v${VERSION} failed`;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A request, as the server wrote it down. */
export interface S3Entry {
  readonly bucket: string;
  /** Such as `PutObject`. */
  readonly operation: string;
  /** The key of the object, or `-`. */
  readonly key: string;
  readonly status: number;
}

/** A running server. */
export interface S3Server extends AsyncDisposable {
  /** Its URL. */
  readonly url: string;
  /** The folder that has a folder of objects for each bucket. */
  readonly folder: string;
  /** The folder of a bucket's objects. */
  readonly folderOf: (bucket: string) => string;
  /** What it was asked so far, in order. */
  log(): Promise<readonly S3Entry[]>;
  stop(): Promise<void>;
}

/** How a server is started. */
export interface S3ServerOptions {
  readonly buckets: readonly string[];
  readonly user?: typeof S3_ENVIRONMENT;
  readonly region?: string;
  /** What it serves over TLS with; without it, it serves over HTTP. */
  readonly certificate?: CertificateFiles;
}

/** Starts a server with some buckets, which keeps them in a folder. */
export function startS3Server(folder: string, options: S3ServerOptions): Promise<S3Server> {
  const { buckets, user = S3_ENVIRONMENT, region = "us-east-1", certificate } = options;
  return startOnFreePorts(1, async ([port]) => {
    for (const bucket of buckets) await Deno.mkdir(`${folder}/${bucket}`, { recursive: true });
    const beside = folder.replace(/\/[^/]*$/, "");
    const accessLog = `${beside}/access-of-s3-${port}.log`;
    const { certFile = "", keyFile = "" } = certificate ?? {};
    const args = [
      ...["--port", `127.0.0.1:${port}`, "--region", region],
      ...["--access", user.AWS_ACCESS_KEY_ID, "--secret", user.AWS_SECRET_ACCESS_KEY],
      ...(certificate === undefined ? [] : ["--cert", certFile, "--key", keyFile]),
      ...["--quiet", "--access-log", accessLog],
      "posix",
      "--sidecar",
      await ensureFolder(`${beside}/meta-of-s3`),
      folder,
    ];
    const { stop, [Symbol.asyncDispose]: dispose } = await startDaemon(VERSITYGW, args, {
      isReady: () => isListening(port!),
    });
    return {
      url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`,
      folder,
      log: async () => parseLog(await Deno.readTextFile(accessLog)),
      folderOf: (bucket) => `${folder}/${bucket}`,
      stop,
      [Symbol.asyncDispose]: dispose,
    };
  });
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
function parseLog(text: string): S3Entry[] {
  const line = /^\S+ (\S+) \[[^\]]*\] \S+ \S+ \S+ s3_(\S+) (\S+) \S+ (\d+) /gm;
  return [...text.matchAll(line)].map(([, bucket, operation, key, status]) => ({
    bucket: bucket!,
    operation: operation!,
    key: key!,
    status: Number(status),
  }));
}

async function ensureFolder(path: string): Promise<string> {
  await Deno.mkdir(path, { recursive: true });
  return path;
}

if (import.meta.main) {
  const why = await tryBuild();
  if (why !== undefined) throw new Error(why);
}
