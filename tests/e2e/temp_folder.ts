/**
 * A folder that is gone when the test is over.
 *
 * @module
 */

/** A folder. */
export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a folder, which its disposal removes with all that is in it. */
export async function createTempFolder(): Promise<TempFolder> {
  const path = await Deno.makeTempDir({ prefix: "archeio-e2e-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
