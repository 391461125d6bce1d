/**
 * The parts of a configuration that are compared with each other. Invalid values, which the
 * schema has reported already, are skipped, so that no mistake hides another.
 *
 * @module
 */

import * as v from "valibot";
import { isMapping, type Mapping } from "./mapping.ts";
import { COMPARED } from "./schema.ts";
import { Repositories } from "./schema_of_repositories.ts";
import { Rules } from "./schema_of_routing.ts";

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

const flag = v.fallback(v.optional(v.boolean()), undefined);
const NO_REPOSITORY = { upstream: undefined, as: undefined, public: undefined };
const RepositorySchema = v.fallback(
  v.object({ upstream: text, as: text, public: flag }),
  NO_REPOSITORY,
);

const Files = v.object({ password_file: text, identity_token_file: text });
const UpstreamSchema = v.object({
  endpoint: text,
  pull: text,
  tags: text,
  credentials: v.fallback(v.optional(Files), undefined),
  token_hosts: v.optional(texts),
  redirect_hosts: v.optional(texts),
});
const NO_UPSTREAM = { endpoint: undefined };
const NO_TIMES = { tag_ttl_s: NaN, stale_s: NaN };
const Times = v.object({
  tag_ttl_s: v.fallback(COMPARED.relay.tag_ttl_s, NO_TIMES.tag_ttl_s),
  stale_s: v.fallback(COMPARED.relay.stale_s, NO_TIMES.stale_s),
});

// No template of keys.
const NO_KEY = "";
const NO_BUCKET = { endpoint: undefined, bucket: undefined };
const StoreSchema = v.object({
  s3: v.optional(v.fallback(v.object({ endpoint: text, bucket: text }), NO_BUCKET)),
  folder: text,
  key: v.optional(v.fallback(v.string(), NO_KEY)),
});
const NO_MIRROR = { url: undefined };
const MirrorSchema = v.object({
  url: text,
  store: v.fallback(v.optional(StoreSchema), undefined),
});

const SketchSchema = v.object({
  listen: v.fallback(v.optional(Listen, {}), NOWHERE),
  admin: v.fallback(
    v.optional(v.object({ ...placeOf(COMPARED.admin), token_file: text })),
    undefined,
  ),
  health: v.fallback(v.optional(Health, {}), NEVER),
  pages: mappingOf(text),
  upstreams: mappingOf(v.fallback(UpstreamSchema, NO_UPSTREAM)),
  relay: v.fallback(v.optional(Times, {}), NO_TIMES),
  repositories: v.fallback(v.optional(mappedTo(RepositorySchema)), undefined),
  signature_upstream: text,
  mirrors: mappingOf(v.fallback(MirrorSchema, NO_MIRROR)),
  fill: v.fallback(v.optional(v.object({ repositories: texts })), undefined),
  locations: mappingOf(v.fallback(v.union([v.array(text), v.object({ file: text })]), [])),
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
  readonly admin?:
    | {
      readonly host: string;
      readonly port: number;
      readonly token_file?: string | undefined;
    }
    | undefined;
  /** How often mirrors are checked. */
  readonly health: { readonly interval_ms: number; readonly max_interval_ms: number };
  /** URLs, by the page. */
  readonly pages: Named<string | undefined>;
  /** The upstreams, by name. */
  readonly upstreams: Named<SketchedUpstream>;
  /** How long tags are served. */
  readonly relay: { readonly tag_ttl_s: number; readonly stale_s: number };
  /** Where repositories are, by pattern. */
  readonly repositories?: Named<SketchedRepository>;
  /** The name of an upstream. */
  readonly signature_upstream?: string | undefined;
  /** The mirrors, by name. */
  readonly mirrors: Named<SketchedMirror>;
  /** What is copied into mirrors. */
  readonly fill?: { readonly repositories: readonly (string | undefined)[] } | undefined;
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

/** An upstream. */
export interface SketchedUpstream {
  /** Its URL. */
  readonly endpoint?: string | undefined;
  /** How it is used. */
  readonly pull?: string | undefined;
  /** How it is used for lists of tags. */
  readonly tags?: string | undefined;
  /** The paths of files with secrets. */
  readonly credentials?: {
    readonly password_file?: string | undefined;
    readonly identity_token_file?: string | undefined;
  } | undefined;
  /** Hosts that issue tokens. */
  readonly token_hosts?: readonly (string | undefined)[] | undefined;
  /** Hosts that it may redirect to. */
  readonly redirect_hosts?: readonly (string | undefined)[] | undefined;
}

/** A mirror. */
export interface SketchedMirror {
  /** Its URL. */
  readonly url?: string | undefined;
  /** How it is written to. */
  readonly store?: {
    readonly s3?: {
      readonly endpoint?: string | undefined;
      readonly bucket?: string | undefined;
    } | undefined;
    readonly folder?: string | undefined;
    readonly key?: string | undefined;
  } | undefined;
}

/** Where repositories are. */
export interface SketchedRepository {
  /** The name of an upstream. */
  readonly upstream?: string | undefined;
  /** The repositories' name there. */
  readonly as?: string | undefined;
  /** Whether everybody may pull them. */
  readonly public?: boolean | undefined;
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
