/**
 * The parts of a configuration that are compared with each other. Invalid values, which the
 * schema has reported already, are skipped, so that no mistake hides another.
 *
 * @module
 */

import * as v from "valibot";
import { isMapping, type Mapping } from "./mapping.ts";
import { COMPARED } from "./schema.ts";
import { Repositories, Rules } from "./schema_of_routing.ts";

const text = v.fallback(v.optional(v.string()), undefined);
const texts = v.fallback(v.array(text), []);

function mappedTo<const Value extends v.GenericSchema>(value: Value) {
  return v.pipe(v.custom<Mapping>(isMapping), v.record(v.string(), value));
}

function mappingOf<const Value extends v.GenericSchema>(value: Value) {
  return v.optional(v.fallback(v.optional(mappedTo(value)), undefined), {});
}

// Equal to no other place.
const NOWHERE = { host: "", port: NaN };
const NEVER = { interval_ms: NaN, max_interval_ms: NaN };

interface PlaceSchemas {
  readonly host: v.OptionalSchema<v.GenericSchema<string>, string>;
  readonly port: v.OptionalSchema<v.GenericSchema<number>, number>;
}

function placeOf({ host, port }: PlaceSchemas) {
  return { host: v.fallback(host, NOWHERE.host), port: v.fallback(port, NOWHERE.port) };
}

const Tls = v.object({ cert: text, key: text });

const Listen = v.object({
  ...placeOf(COMPARED.listen),
  tls: v.fallback(v.optional(Tls), undefined),
});

const Health = v.object({
  interval_ms: v.fallback(COMPARED.health.interval_ms, NEVER.interval_ms),
  max_interval_ms: v.fallback(COMPARED.health.max_interval_ms, NEVER.max_interval_ms),
});

const NO_REPOSITORY = { upstream: undefined, as: undefined };
const RepositorySchema = v.fallback(v.object({ upstream: text, as: text }), NO_REPOSITORY);

const SketchSchema = v.object({
  listen: v.fallback(v.optional(Listen, {}), NOWHERE),
  admin: v.fallback(v.optional(v.object(placeOf(COMPARED.admin))), undefined),
  health: v.fallback(v.optional(Health, {}), NEVER),
  pages: mappingOf(text),
  upstreams: mappingOf(v.fallback(v.object({ endpoint: text }), { endpoint: undefined })),
  repositories: v.fallback(v.optional(mappedTo(RepositorySchema)), undefined),
  signature_upstream: text,
  mirrors: mappingOf(v.fallback(v.object({ url: text }), { url: undefined })),
  locations: mappingOf(
    v.fallback(v.union([v.array(text), v.object({ file: text })]), []),
  ),
  ranges: v.fallback(v.optional(v.object({ refresh_h: v.optional(v.unknown()) })), undefined),
  rules: v.fallback(
    v.array(
      v.fallback(v.object({ clients: texts, mirrors: texts, upstream: text }), {
        clients: [],
        mirrors: [],
        upstream: undefined,
      }),
    ),
    [],
  ),
});

/** Values by name, or `undefined` if there is no mapping. */
export type Named<Value> = Readonly<Record<string, Value>> | undefined;

/** The parts of a configuration that are compared with each other. */
export interface Sketch {
  /** Where to listen. */
  readonly listen: {
    readonly host: string;
    readonly port: number;
    readonly tls?:
      | { readonly cert?: string | undefined; readonly key?: string | undefined }
      | undefined;
  };
  /** Where to listen for operators. */
  readonly admin?: { readonly host: string; readonly port: number } | undefined;
  /** How often mirrors are checked. */
  readonly health: { readonly interval_ms: number; readonly max_interval_ms: number };
  /** URLs, by the page. */
  readonly pages: Named<string | undefined>;
  /** The upstreams, by name. */
  readonly upstreams: Named<{ readonly endpoint?: string | undefined }>;
  /** Where repositories are, by pattern. */
  readonly repositories?: Named<SketchedRepository>;
  /** The name of an upstream. */
  readonly signature_upstream?: string | undefined;
  /** The mirrors, by name. */
  readonly mirrors: Named<{ readonly url?: string | undefined }>;
  /** Lists of prefixes, or files of them, by location. */
  readonly locations: Named<
    readonly (string | undefined)[] | { readonly file?: string | undefined }
  >;
  /** The settings for fetching the data set. */
  readonly ranges?: { readonly refresh_h?: unknown } | undefined;
  /** The rules. */
  readonly rules: readonly SketchedRule[];
  /**
   * Whether every rule and repository is valid. An invalid one may refer to any mirror and
   * upstream.
   */
  readonly hasGoodUses: () => boolean;
}

/** Where repositories are. */
export interface SketchedRepository {
  /** The name of an upstream. */
  readonly upstream?: string | undefined;
  /** The repositories' name there. */
  readonly as?: string | undefined;
}

/** A rule. */
export interface SketchedRule {
  /** Location patterns. */
  readonly clients: readonly (string | undefined)[];
  /** Names of mirrors. */
  readonly mirrors: readonly (string | undefined)[];
  /** The name of an upstream. */
  readonly upstream?: string | undefined;
}

/** The sketch of a value, or `undefined` if it is no mapping. */
export function trySketch(value: unknown): Sketch | undefined {
  const { success, output } = v.safeParse(SketchSchema, value);
  if (!success) return undefined;
  const { rules = [], repositories } = value as Mapping;
  return {
    ...output,
    hasGoodUses: () =>
      v.is(Rules, rules) && (repositories === undefined || v.is(Repositories, repositories)),
  };
}
