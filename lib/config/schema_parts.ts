/**
 * The building blocks of the schema: texts, numbers, mappings. Each has a description of what
 * is allowed, as text that follows "allowed: ".
 *
 * @module
 */

import * as v from "valibot";
import { isMapping } from "./mapping.ts";
import { didYouMean } from "./nearest.ts";

/**
 * A text that matches a pattern.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function text(
  allowed: string,
  pattern: RegExp,
): v.GenericSchema<string> {
  return v.pipe(v.string(allowed), v.regex(pattern, allowed));
}

/**
 * An integer within bounds.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function integer(
  least: number,
  most: number,
  allowed = `an integer from ${least} to ${most}`,
): v.GenericSchema<number> {
  return v.pipe(
    v.number(allowed),
    v.integer(allowed),
    v.minValue(least, allowed),
    v.maxValue(most, allowed),
  );
}

/**
 * One of several names.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function oneOf<const Names extends readonly string[]>(
  names: Names,
): v.GenericSchema<Names[number]> {
  const allowed = `one of ${names.join(", ")}`;
  return v.picklist(
    names,
    ({ input }) => allowed + (typeof input === "string" ? didYouMean(input, names) : ""),
  );
}

/**
 * Adds the description of a key, for the JSON Schema that editors read.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function described<const Schema extends v.GenericSchema>(
  description: string,
  schema: Schema,
): Schema {
  return v.pipe(schema, v.description(description)) as unknown as Schema;
}

/**
 * An optional key without a default.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function optional<const Schema extends v.GenericSchema>(
  description: string,
  schema: Schema,
): v.OptionalSchema<Schema, undefined> {
  return v.optional(described(description, schema), undefined);
}

/**
 * A key with a default, which is appended to its description.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function usual<
  const Schema extends v.GenericSchema,
  const Default extends v.InferInput<Schema>,
>(description: string, schema: Schema, value: Default): v.OptionalSchema<Schema, Default> {
  const told = `${description} Default: ${value}.`;
  return v.optional(described(told, schema), value as never) as never;
}

const PASSED_OVER = ["__proto__", "constructor", "prototype"];

/** The keys that a mapping may have. */
export interface AllowedKeys {
  /** A description of them. */
  readonly allowed: string;
  /** The list of them, if it is fixed. */
  readonly known?: readonly string[];
}

/**
 * Restricts an object schema to mappings: YAML also has dates and bytes, and valibot skips
 * keys that have a meaning in JavaScript.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function mapping<Schema extends v.GenericSchema>(
  schema: Schema,
  allowed: string,
  keys: AllowedKeys,
): Schema {
  const noMapping = v.never(allowed);
  const noKey = v.never(keys.allowed);
  return {
    ...schema,
    "~run"(dataset, config) {
      const input = dataset.value;
      if (!isMapping(input)) return noMapping["~run"](dataset, config);
      const output = schema["~run"](dataset, config);
      const issues = (output.issues ?? []).map((issue) => withNearest(issue, keys));
      for (const key of PASSED_OVER.filter((key) => Object.hasOwn(input, key))) {
        const value = input[key];
        const [issue] = noKey["~run"]({ value }, config).issues!;
        issues.push({ ...issue, path: [{ type: "object", origin: "value", input, key, value }] });
      }
      const [first, ...others] = issues;
      return first === undefined ? output : { ...output, typed: false, issues: [first, ...others] };
    },
  };
}

// Suggests which key was meant by an unknown one.
function withNearest(
  issue: v.BaseIssue<unknown>,
  { known }: AllowedKeys,
): v.BaseIssue<unknown> {
  const [at, ...deeper] = issue.path ?? [];
  if (known === undefined || at === undefined || deeper.length > 0) return issue;
  const key = String(at.key);
  if (known.includes(key)) return issue;
  return { ...issue, message: issue.message + didYouMean(key, known) };
}

/**
 * A mapping with exactly these keys.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function strict<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.StrictObjectSchema<Entries, undefined> {
  const known = Object.keys(entries);
  const rest = `only the keys ${known.join(", ")}`;
  const object = v.objectWithRest(
    entries,
    v.never(rest),
    ({ path }) => allowedBy(entries[String(path?.[0].key)]),
  );
  const schema = mapping(object, `a mapping with the keys ${known.join(", ")}`, {
    allowed: rest,
    known,
  });
  return schema as unknown as v.StrictObjectSchema<Entries, undefined>;
}

function allowedBy(schema: v.GenericSchema | undefined): string {
  return String((schema as { message?: unknown } | undefined)?.message);
}

const NAME = "a name of A-Z, a-z, 0-9, _, . and -, beginning with a letter or a digit";
const name = text(NAME, /^[A-Za-z0-9][A-Za-z0-9_.-]*$/);

/**
 * A mapping from names to values of one schema.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function named<const Value extends v.GenericSchema>(
  value: Value,
  allowed: string,
): v.RecordSchema<typeof name, Value, string> {
  const record = v.record(name as never, value, allowed) as never;
  return mapping(record, allowed, { allowed: "a name that means nothing in JavaScript" });
}

/**
 * A value of one schema, or a mapping of another. The mistakes in a mapping are told one by one.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export function mappingOr<
  const Schema extends v.GenericSchema,
  const Mapping extends v.GenericSchema,
>(
  schema: Schema,
  mapping: Mapping,
  allowed: string,
): v.GenericSchema<v.InferOutput<Schema> | v.InferOutput<Mapping>> {
  const union = v.union([schema, mapping], allowed);
  return {
    ...union,
    "~run": (dataset, config) =>
      (isMapping(dataset.value) ? mapping : union)["~run"](dataset, config) as never,
  };
}
