/**
 * Parses published files that are JSON, with valibot schemas of their formats. The exports are
 * excluded from the documentation because `deno doc` takes valibot's types for private ones.
 *
 * @module
 */

import * as v from "valibot";
import { REGION, REGION_ALLOWED } from "./provider.ts";

/**
 * A text.
 *
 * @ignore
 */
export const text: v.StringSchema<string> = v.string("text");

/**
 * A region's name.
 *
 * @ignore
 */
export const region: v.GenericSchema<string> = v.pipe(text, v.regex(REGION, REGION_ALLOWED));

/**
 * A time that matches `pattern`, which `allowed` describes in errors.
 *
 * @ignore
 */
export function time(allowed: string, pattern: RegExp): v.GenericSchema<string> {
  return v.pipe(text, v.regex(pattern, allowed));
}

/**
 * An object with at least these entries.
 *
 * @ignore
 */
export function object<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.ObjectSchema<Entries, string> {
  return v.object(entries, "an object");
}

/**
 * A list with at least one entry.
 *
 * @ignore
 */
export function list<const Item extends v.GenericSchema>(
  item: Item,
): v.GenericSchema<v.InferInput<Item>[], v.InferOutput<Item>[]> {
  return v.pipe(v.array(item, "a list"), v.nonEmpty("at least one entry"));
}

/**
 * Parses JSON with a schema.
 *
 * @throws {SyntaxError} when the text is not JSON
 * @throws {TypeError} when it does not match the schema
 *
 * @ignore
 */
export function parseJson<Output>(json: string, schema: v.GenericSchema<unknown, Output>): Output {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new SyntaxError("Cannot parse published file: it is not JSON", { cause });
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "the whole file";
  const mistake = issue.received === "undefined"
    ? `${path} is missing`
    : `${path}: found ${issue.received}, allowed: ${issue.message}`;
  throw new TypeError(`Cannot read published file: ${mistake}`);
}
