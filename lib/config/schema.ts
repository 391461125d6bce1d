/**
 * The form of a configuration. Everything that one value alone can tell stands
 * here, so that the JSON Schema made of it tells it to editors, too; what takes two
 * values to see is in `mistakes.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { type Config, LOG_LEVELS } from "./config.ts";
import { isMapping } from "./mapping.ts";

function text(allowed: string, pattern: RegExp) {
  return v.pipe(v.string(allowed), v.regex(pattern, allowed));
}

function integer(least: number, most: number, allowed = `an integer from ${least} to ${most}`) {
  return v.pipe(
    v.number(allowed),
    v.integer(allowed),
    v.minValue(least, allowed),
    v.maxValue(most, allowed),
  );
}

// valibot takes a list or a date for an object, too, and passes over these keys.
const PASSED_OVER = ["__proto__", "constructor", "prototype"];

function mapping<Schema extends v.GenericSchema>(
  schema: Schema,
  allowed: string,
  allowedKeys: string,
): Schema {
  const noMapping = v.never(allowed);
  const noKey = v.never(allowedKeys);
  return {
    ...schema,
    "~run"(dataset, config) {
      const input = dataset.value;
      if (!isMapping(input)) return noMapping["~run"](dataset, config);
      const output = schema["~run"](dataset, config);
      const issues = [...output.issues ?? []];
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

// valibot's own strict object stops at the first key it does not know; one whose
// rest is never allowed names each of them.
function strict<const Entries extends v.ObjectEntries>(entries: Entries) {
  const keys = Object.keys(entries).join(", ");
  const rest = `only the keys ${keys}`;
  const object = v.objectWithRest(
    entries,
    v.never(rest),
    ({ path }) => allowedBy(entries[String(path?.[0].key)]),
  );
  const schema = mapping(object, `a mapping with the keys ${keys}`, rest);
  return schema as unknown as v.StrictObjectSchema<Entries, undefined>;
}

// What a schema of these, each of which says it, allows.
function allowedBy(schema: v.GenericSchema | undefined): string {
  return String((schema as { message?: unknown } | undefined)?.message);
}

const NAME = "a name of A-Z, a-z, 0-9, _, . and -, beginning with a letter or a digit";
const name = text(NAME, /^[A-Za-z0-9][A-Za-z0-9_.-]*$/);
const LOCATION = "a location's name, <cloud>/<region>";
const location = text(LOCATION, /^[A-Za-z0-9][A-Za-z0-9_.-]*\/[A-Za-z0-9][A-Za-z0-9_.-]*$/);

function named<const Value extends v.GenericSchema>(value: Value, allowed: string) {
  return mapping(
    v.record(name, value, allowed),
    allowed,
    "a name that means nothing in JavaScript",
  );
}

// A host is a name or an address; what may stand in a path is RFC 3986's pchar.
const ORIGIN = "https?://(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(?::\\d{1,5})?";
const PCHAR = "[A-Za-z0-9._~!$&'()*+,;=:@%/-]";
function url(allowed: string, rest: string) {
  // The pattern leaves ports past 65535 and such, which only the platform's reader tells.
  const isUrl = v.check((written: string) => URL.canParse(written), allowed);
  return v.pipe(text(allowed, new RegExp(`^${ORIGIN}(?:${rest})?$`)), isUrl);
}

const baseUrl = url(
  "an http: or https: URL without user, query and fragment, such as https://registry.example",
  `/${PCHAR}*`,
);
const pageUrl = url(
  "an http: or https: URL without user, such as https://example.com/about",
  `[/?#](?:${PCHAR}|[?#])*`,
);

const sourceUrl = url(
  "an http: or https: URL without user and fragment, such as https://example.com/ip-ranges.json",
  `/(?:${PCHAR}|[?])*`,
);

const Upstream = strict({
  endpoint: baseUrl,
  path: v.optional(
    text(
      "a repository name's first components, such as project/images, or nothing: lower-case, and " +
        "with no slash at either end",
      /^(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)?$/,
    ),
    "",
  ),
});

const Rule = strict({
  clients: v.pipe(
    v.array(
      text(
        `"*", "<cloud>/*" or "<cloud>/<region>"`,
        /^(?:\*|[A-Za-z0-9][A-Za-z0-9_.-]*\/(?:\*|[A-Za-z0-9][A-Za-z0-9_.-]*))$/,
      ),
      "a list of location patterns",
    ),
    v.minLength(1, "at least one location pattern"),
  ),
  mirrors: v.optional(
    v.array(v.string("a mirror's name, as text"), "a list of mirrors' names"),
    [],
  ),
  upstream: v.optional(v.string("an upstream's name, as text")),
});

const Mirror = strict({
  url: baseUrl,
  fallback_limit: v.optional(integer(0, 1_000_000)),
});

const host = text("an IP address or a host name", /^[A-Za-z0-9.:_-]+$/);
const port = integer(0, 65535);

function place(usualHost: string, usualPort: number) {
  return { host: v.optional(host, usualHost), port: v.optional(port, usualPort) };
}

const WORKERS = 'an integer from 1 to 256, or "auto"';

const HOURS = "a number of hours, from 0.001 to 8760";

/**
 * The schemas of values that are held against each other.
 *
 * @ignore Their type is valibot's, which `deno doc` takes for a private one.
 */
export const COMPARED = {
  listen: place("0.0.0.0", 8080),
  admin: place("127.0.0.1", 9090),
  health: {
    interval_ms: v.optional(integer(50, 3_600_000), 5000),
    max_interval_ms: v.optional(integer(50, 86_400_000), 60_000),
  },
};

const HEADER = "a header's name, or null to take the peer's address";

/**
 * The schema of a configuration file.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const ConfigSchema: v.GenericSchema<unknown, Config> = strict({
  listen: v.optional(
    strict({
      ...COMPARED.listen,
      tls: v.optional(strict({
        cert: text("the path of a PEM file", /^.+$/),
        key: text("the path of a PEM file", /^.+$/),
      })),
    }),
    {},
  ),
  workers: v.optional(
    v.union([v.literal("auto"), integer(1, 256, WORKERS)], WORKERS),
    1,
  ),
  admin: v.optional(strict(COMPARED.admin)),
  log: v.optional(
    strict({
      level: v.optional(v.picklist(LOG_LEVELS, `one of ${LOG_LEVELS.join(", ")}`), "info"),
      pulls: v.optional(v.boolean("true or false"), false),
    }),
    {},
  ),
  client_address: v.optional(
    strict({
      header: v.optional(
        v.nullable(text(HEADER, /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/)),
        "x-forwarded-for",
      ),
      from_end: v.optional(integer(1, 100), 2),
    }),
    {},
  ),
  pages: v.optional(
    strict({ info: v.optional(pageUrl), privacy: v.optional(pageUrl) }),
    {},
  ),
  upstreams: v.pipe(
    named(Upstream, "a mapping from names to upstreams"),
    v.minEntries(1, "at least one upstream"),
  ),
  signature_upstream: v.optional(v.string("an upstream's name, as text")),
  mirrors: v.optional(
    named(Mirror, "a mapping from names to mirrors"),
    {},
  ),
  locations: v.optional(
    mapping(
      v.record(
        location,
        v.pipe(
          v.array(v.string("a prefix"), "a list of prefixes"),
          v.minLength(1, "at least one prefix"),
        ),
      ),
      "a mapping from locations to lists of prefixes",
      LOCATION,
    ),
    {},
  ),
  rules: v.optional(v.array(Rule, "a list of rules"), []),
  probe: v.optional(
    strict({
      timeout_ms: v.optional(integer(1, 60_000), 5000),
      found_ttl_s: v.optional(integer(1, 31_536_000), 86_400),
      missing_ttl_s: v.optional(integer(1, 86_400), 30),
      max_entries: v.optional(integer(1, 10_000_000), 200_000),
      max_in_flight: v.optional(integer(1, 10_000), 256),
      max_per_s: v.optional(integer(1, 1_000_000), 500),
    }),
    {},
  ),
  health: v.optional(
    strict({
      interval_ms: COMPARED.health.interval_ms,
      down_after: v.optional(integer(2, 100), 3),
      up_after: v.optional(integer(1, 100), 2),
      max_interval_ms: COMPARED.health.max_interval_ms,
    }),
    {},
  ),
  ranges: v.optional(
    strict({
      refresh_h: v.optional(
        v.pipe(v.number(HOURS), v.minValue(0.001, HOURS), v.maxValue(8760, HOURS)),
      ),
      sources: v.optional(
        strict({
          aws: v.optional(sourceUrl),
          gcp: v.optional(sourceUrl),
          azure: v.optional(sourceUrl),
        }),
        {},
      ),
    }),
    {},
  ),
});
