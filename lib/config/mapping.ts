/**
 * Mappings (JSON objects), and paths to the values in them.
 *
 * @module
 */

/** A mapping. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value is a mapping: no list, and no date or bytes, which YAML has as well. */
export function isMapping(value: unknown): value is Mapping {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Formats the path of a value from its keys and indices: `rules[2].clients[0]`. */
export function formatPath(keys: readonly unknown[]): string {
  return keys.map(formatKey).join("").replace(/^\./, "");
}

function formatKey(key: unknown): string {
  return typeof key === "string" && /^[\w./-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
