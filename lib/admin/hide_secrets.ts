/**
 * The configuration without its secrets.
 *
 * @module
 */

const SECRET = /password|secret|token|credential|private/i;
// The path of a file, the name of an upstream or a host is no secret.
const NO_SECRET = /_(?:file|hosts|upstream)$/i;

/** What stands in place of a secret. */
export const HIDDEN = "(hidden)";

/** Copies a value, and replaces each text under a key that is named after a secret. */
export function hideSecrets(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, hideSecrets(item, name)]),
    );
  }
  if (value === undefined) return undefined;
  return typeof value === "string" && SECRET.test(key) && !NO_SECRET.test(key) ? HIDDEN : value;
}
