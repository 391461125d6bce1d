/**
 * Mappings, what stands between braces in JSON, and paths to the values in them.
 *
 * @module
 */

/** A mapping. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value is a mapping, and no list, nor a date or bytes, which YAML has, too. */
export function isMapping(value: unknown): value is Mapping {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The path of a value, from the keys and the places that lead to it: `rules[2].clients[0]`. */
export function formatPath(keys: readonly unknown[]): string {
  return keys.map(formatKey).join("").replace(/^\./, "");
}

function formatKey(key: unknown): string {
  return typeof key === "string" && /^[\w./-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
