/**
 * What is in a bucket or a folder, byte for byte.
 *
 * @module
 */

import { digestOf } from "../digest.ts";

// versitygw's own, for what is being written.
const UNFINISHED = ".sgwtmp";

/** The digests of all files of a folder, hashed, in order. */
export async function hashObjects(folder: string): Promise<string[]> {
  const digests = await Promise.all(
    (await listObjects(folder)).map(async (path) => await digestOf(await Deno.readFile(path))),
  );
  return digests.sort();
}

/** The paths of all files of a folder. */
export async function listObjects(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name === UNFINISHED) continue;
    const path = `${folder}/${name}`;
    if (isDirectory) paths.push(...await listObjects(path));
    else paths.push(path);
  }
  return paths;
}
