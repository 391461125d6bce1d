/**
 * A store that is a folder, which a web server serves. A blob is written under a temporary
 * name, synced to the disk, and renamed: under its own name it is whole, or not there.
 *
 * @module
 */

import { describeReason } from "../../mirrors/asker.ts";
import { failed, failedForGood, type Failure } from "../failure.ts";
import { parseKeyTemplate } from "../key.ts";
import { DONE, type Done, type Store, type Upload } from "../store.ts";

/** What a folder store needs. */
export interface FolderStoreOptions {
  /** Its path. */
  readonly folder: string;
  /** The template of the paths in it. */
  readonly key: string;
  /** Makes an unguessable name. */
  readonly uuid: () => string;
  /** Which of all that fill the folder this one is: 8 hexadecimal digits. */
  readonly owner: string;
  /** The time of day in milliseconds since 1970. */
  readonly timeOfDay: () => number;
}

// No template gives a name that begins like this one: it has no digest in it.
const TEMPORARY = /^\.archeio-([0-9a-f]{8})-[0-9a-f-]{36}\.part$/;
// Another machine may be at work on its own files, but on none for so long.
const OLD_MS = 86_400_000;

/** Makes a folder store. */
export function createFolderStore(options: FolderStoreOptions): Store {
  const { folder, key, uuid, owner, timeOfDay } = options;
  const template = parseKeyTemplate(key);
  const base = folder.replace(/\/+$/, "");
  const pathOf = (digest: string) => `${base}/${template.format(digest)}`;

  function begin(digest: string): Upload {
    return beginFile(pathOf(digest), `${owner}-${uuid()}`);
  }

  return {
    host: `folder ${base}`,
    place: base,
    begin,
    async put(digest, bytes) {
      const upload = begin(digest);
      const written = await upload.write(bytes);
      if (written.kind === "done") return await upload.finish();
      await upload.abort();
      return written;
    },
    list: ({ onBlob, signal }) =>
      guarded(async () => {
        for await (const path of walk(base, signal)) {
          const digest = template.tryDigest(path);
          if (digest === undefined) continue;
          const { size, mtime } = await Deno.stat(`${base}/${path}`);
          onBlob({ digest, size, writtenMs: mtime?.getTime() ?? NaN });
        }
      }),
    tidy: (signal) =>
      guarded(async () => {
        for await (const path of walk(base, signal)) {
          const [, other] = TEMPORARY.exec(path.slice(path.lastIndexOf("/") + 1)) ?? [];
          if (other === undefined) continue;
          const { mtime } = await Deno.stat(`${base}/${path}`);
          const isLeft = other === owner || timeOfDay() - (mtime?.getTime() ?? 0) > OLD_MS;
          if (isLeft) await Deno.remove(`${base}/${path}`);
        }
      }),
    tryWrite: () =>
      guarded(async () => {
        const path = `${base}/.archeio-${owner}-${uuid()}.part`;
        await Deno.mkdir(base, { recursive: true });
        await Deno.writeTextFile(path, "");
        await Deno.remove(path);
      }),
    remove: (digests) =>
      guarded(async () => {
        for (const digest of digests) {
          await Deno.remove(pathOf(digest)).catch((error) => {
            if (!(error instanceof Deno.errors.NotFound)) throw error;
          });
        }
      }),
  };
}

async function guarded(work: () => Promise<void>): Promise<Done | Failure> {
  try {
    await work();
    return DONE;
  } catch (error) {
    return toFailure(error);
  }
}

// No space (ENOSPC, EDQUOT), a disk that is read-only (EROFS), no permission, or no folder:
// trying again does not help.
const LASTING = /os error (?:28|122|30)\)/;

function toFailure(error: unknown): Failure {
  const reason = describeReason(error);
  const isLasting = LASTING.test(reason) || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
  return isLasting ? failedForGood(reason) : failed(reason);
}

/** The paths of all files below a folder, from it on; none if there is no such folder yet. */
async function* walk(base: string, signal: AbortSignal): AsyncGenerator<string> {
  try {
    await Deno.lstat(base);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  yield* walkBelow(base, signal, "");
}

async function* walkBelow(
  base: string,
  signal: AbortSignal,
  below: string,
): AsyncGenerator<string> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(`${base}/${below}`)) {
    signal.throwIfAborted();
    if (isDirectory) yield* walkBelow(base, signal, `${below}${name}/`);
    else if (isFile) yield below + name;
  }
}

function beginFile(path: string, unique: string): Upload {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const temporary = `${folder}/.archeio-${unique}.part`;
  let opening: Promise<Deno.FsFile> | undefined;

  async function open(): Promise<Deno.FsFile> {
    await Deno.mkdir(folder, { recursive: true });
    return await Deno.open(temporary, { write: true, createNew: true });
  }

  async function finish(): Promise<void> {
    using file = await (opening ??= open());
    await file.sync();
    await Deno.rename(temporary, path);
    // The name is on the disk once the folder is.
    using opened = await Deno.open(folder);
    await opened.sync();
  }

  async function abort(): Promise<void> {
    if (opening === undefined) return;
    await opening.then((file) => file.close()).catch(() => {});
    await Deno.remove(temporary).catch(() => {});
  }

  return {
    abort,
    write: (bytes) =>
      guarded(async () => {
        const file = await (opening ??= open());
        for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
      }),
    async finish() {
      const outcome = await guarded(finish);
      if (outcome.kind === "failed") await abort();
      return outcome;
    },
  };
}
