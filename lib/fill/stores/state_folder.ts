/**
 * The folder that filling keeps its state in: what the last run found, the manifests that were
 * read, the uploads in progress. Whatever is lost of it costs requests, and nothing else.
 *
 * @module
 */

import type { ManifestCache } from "../manifests.ts";
import type { Journal } from "./s3_multipart.ts";

/** A folder of state. */
export interface StateFolder {
  /**
   * Takes its lock, which the system releases when the program ends, however that happens.
   *
   * @returns what releases it, or `undefined` if another program has it
   */
  tryLock(): Promise<Disposable | undefined>;
  /** Tells this folder from those of other machines: 8 hexadecimal digits. */
  readonly id: string;
  /** Keeps manifests. */
  readonly cache: ManifestCache;
  /** Opens the journal of uploads to a mirror's store. */
  journal(mirror: string): Promise<Journal>;
  /** Reads one of its files; `undefined` if there is none. */
  read(name: string): Promise<string | undefined>;
  /** Replaces one of its files. */
  write(name: string, text: string): Promise<void>;
}

/**
 * Opens the folder; makes it if there is none.
 *
 * @param uuid makes an unguessable name
 * @throws what the system says
 */
export async function openStateFolder(path: string, uuid: () => string): Promise<StateFolder> {
  await Deno.mkdir(path, { recursive: true });
  const replace = createReplace(path);

  async function read(name: string): Promise<string | undefined> {
    try {
      return await Deno.readTextFile(`${path}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async function ensureId(): Promise<string> {
    const known = await read("id") ?? "";
    if (/^[0-9a-f]{8}$/.test(known)) return known;
    const id = uuid().slice(0, 8);
    await replace("id", id);
    return id;
  }

  return {
    id: await ensureId(),
    cache: createManifestCache(`${path}/manifests`),
    read,
    write: replace,
    async tryLock() {
      const file = await Deno.open(`${path}/lock`, { write: true, create: true });
      if (await file.tryLock(true)) return { [Symbol.dispose]: () => file.close() };
      file.close();
      return undefined;
    },
    journal: (mirror) => openJournal(`uploads-${mirror}.json`, read, replace),
  };
}

/** Makes a function that replaces files, each as a whole, one write after another. */
function createReplace(folder: string): StateFolder["write"] {
  let last: Promise<void> = Promise.resolve();

  async function replace(name: string, text: string): Promise<void> {
    const part = `${folder}/.${name}.part`;
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, `${folder}/${name}`);
  }

  return (name, text) => {
    const next = last.then(() => replace(name, text));
    last = next.catch(() => {});
    return next;
  };
}

/** Keeps manifests in files. What it gives is checked by whoever asks. */
function createManifestCache(folder: string): ManifestCache {
  const placeOf = (digest: string) => {
    const [algorithm, hex = ""] = digest.split(":");
    return { below: `${folder}/${algorithm}/${hex.slice(0, 2)}`, hex };
  };
  return {
    async get(digest) {
      const { below, hex } = placeOf(digest);
      try {
        return await Deno.readFile(`${below}/${hex}`);
      } catch {
        return undefined;
      }
    },
    async put(digest, bytes) {
      const { below, hex } = placeOf(digest);
      try {
        await Deno.mkdir(below, { recursive: true });
        await Deno.writeFile(`${below}/${hex}`, bytes);
      } catch {
        // Without it, the manifest is read again by the next run.
      }
    },
  };
}

async function openJournal(
  name: string,
  read: StateFolder["read"],
  replace: StateFolder["write"],
): Promise<Journal> {
  const left = new Set(readIds(await read(name)));
  const ids = new Set(left);
  const save = () => replace(name, JSON.stringify([...ids]));
  return {
    left,
    began(id) {
      ids.add(id);
      return save();
    },
    ended: (id) => ids.delete(id) ? save() : Promise.resolve(),
  };
}

function readIds(text: string | undefined): readonly string[] {
  try {
    const ids: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}
