/**
 * The environment variables of the Go archeio. They override the configuration.
 *
 * | variable | sets |
 * |---|---|
 * | `HOST`, `PORT` | where to listen |
 * | `ADMIN_HOST`, `ADMIN_PORT` | where to listen for operators |
 * | `LOG_LEVEL` | the log level |
 * | `UPSTREAM_REGISTRY_ENDPOINT`, `UPSTREAM_REGISTRY_PATH` | the main upstream |
 * | `SIGNATURE_UPSTREAM_ENDPOINT` | the signature upstream's endpoint |
 * | `DEFAULT_AWS_BASE_URL` | the mirror of the first rule for all: `<value>/containers/images` |
 *
 * @module
 */

import { formatPath, isMapping, type Mapping } from "./mapping.ts";

/**
 * The variables that are read. An empty one counts as unset, except for
 * `UPSTREAM_REGISTRY_PATH`: repositories may be at the endpoint's root. A Kubernetes service
 * link in a variable for a host or port counts as unset, too.
 */
export const VARIABLES = [
  "HOST",
  "PORT",
  "ADMIN_HOST",
  "ADMIN_PORT",
  "LOG_LEVEL",
  "UPSTREAM_REGISTRY_ENDPOINT",
  "UPSTREAM_REGISTRY_PATH",
  "SIGNATURE_UPSTREAM_ENDPOINT",
  "DEFAULT_AWS_BASE_URL",
] as const;

/** Returns the value of a variable. */
export type Environment = (variable: typeof VARIABLES[number]) => string | undefined;

/** A configuration, overridden by the environment. */
export interface Overridden {
  /** The value, not yet validated. */
  readonly value: unknown;
  /** The variable that each overridden value came from, by path: `listen.port` from `PORT`. */
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * The name of the default upstream: the one named `main`, or the only one, or the only one
 * beside the signature upstream.
 *
 * @param signatures the name of the signature upstream
 */
export function tryMainUpstream(upstreams: Mapping, signatures?: unknown): string | undefined {
  if (Object.hasOwn(upstreams, "main")) return "main";
  const names = Object.keys(upstreams);
  const candidates = names.length === 1 ? names : names.filter((name) => name !== signatures);
  return candidates.length === 1 ? candidates[0] : undefined;
}

/**
 * Overrides a configuration by the environment. A value of the wrong type is left as it is,
 * for the validation to report.
 */
export function overrideConfig(config: unknown, environment: Environment): Overridden {
  const variables = new Map<string, string>();
  if (!isMapping(config)) return { value: config, variables };
  const value: Record<string, unknown> = { ...config };
  const set = createSetter(value, variables);
  overrideListeners(environment, set);
  overrideMainUpstream(value, environment, set);
  overrideSignatures(value, environment, set);
  overrideDefaultMirror(value, environment, set);
  return { value, variables };
}

type Variable = typeof VARIABLES[number];
type Setter = (variable: Variable, path: readonly string[], given: unknown) => void;

function createSetter(value: Record<string, unknown>, variables: Map<string, string>): Setter {
  return function set(variable, path, given) {
    // As a name it is a mistake, and assigning to it would change the prototype of all objects.
    if (path.includes("__proto__")) return;
    let at = value;
    for (const key of path.slice(0, -1)) {
      const next = Object.hasOwn(at, key) ? at[key] ?? {} : {};
      if (!isMapping(next)) return;
      // A copy, because a YAML alias can put one mapping in two places.
      at = at[key] = { ...next };
    }
    at[path.at(-1)!] = given;
    variables.set(formatPath(path), variable);
  };
}

// Kubernetes sets variables for each Service: for one named admin,
// `ADMIN_PORT=tcp://10.0.0.7:80`. They do not say where to listen
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
const SERVICE_LINK = /^(?:tcp|udp|sctp):\/\//;

function withoutServiceLinks(environment: Environment): Environment {
  return (variable) => {
    const value = environment(variable);
    return value !== undefined && SERVICE_LINK.test(value) ? undefined : value;
  };
}

function overrideListeners(all: Environment, set: Setter): void {
  const environment = withoutServiceLinks(all);
  const host = environment("HOST");
  if (host) set("HOST", ["listen", "host"], host);
  const port = environment("PORT");
  if (port) set("PORT", ["listen", "port"], readNumber(port));
  const adminHost = environment("ADMIN_HOST");
  if (adminHost) set("ADMIN_HOST", ["admin", "host"], adminHost);
  const adminPort = environment("ADMIN_PORT");
  if (adminPort) set("ADMIN_PORT", ["admin", "port"], readNumber(adminPort));
  const level = environment("LOG_LEVEL");
  if (level) set("LOG_LEVEL", ["log", "level"], level.toLowerCase());
}

// Text that is no number is left as it is, for the validation to report.
function readNumber(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function upstreamsOf(value: Mapping): Mapping {
  return isMapping(value.upstreams) ? value.upstreams : {};
}

function mainUpstreamOf(value: Mapping): string {
  return tryMainUpstream(upstreamsOf(value), value.signature_upstream) ?? "main";
}

function overrideMainUpstream(value: Mapping, environment: Environment, set: Setter): void {
  const main = mainUpstreamOf(value);
  const endpoint = environment("UPSTREAM_REGISTRY_ENDPOINT");
  if (endpoint) {
    set("UPSTREAM_REGISTRY_ENDPOINT", ["upstreams", main, "endpoint"], endpoint);
  }
  const path = environment("UPSTREAM_REGISTRY_PATH");
  if (path !== undefined) {
    const trimmed = path.replace(/^\/+|\/+$/g, "");
    set("UPSTREAM_REGISTRY_PATH", ["upstreams", main, "path"], trimmed);
  }
}

function overrideSignatures(value: Mapping, environment: Environment, set: Setter): void {
  const endpoint = environment("SIGNATURE_UPSTREAM_ENDPOINT");
  if (!endpoint) return;
  const main = mainUpstreamOf(value);
  const upstreams = upstreamsOf(value);
  const named = value.signature_upstream;
  const name = typeof named === "string" && named !== main ? named : "signatures";
  const mainUpstream = upstreams[main];
  if (!Object.hasOwn(upstreams, name) && isMapping(mainUpstream)) {
    // As in the Go archeio: the same path as at the upstream.
    set("SIGNATURE_UPSTREAM_ENDPOINT", ["upstreams", name, "path"], mainUpstream.path);
  }
  set("SIGNATURE_UPSTREAM_ENDPOINT", ["upstreams", name, "endpoint"], endpoint);
  set("SIGNATURE_UPSTREAM_ENDPOINT", ["signature_upstream"], name);
}

function overrideDefaultMirror(
  value: Record<string, unknown>,
  environment: Environment,
  set: Setter,
): void {
  const base = environment("DEFAULT_AWS_BASE_URL");
  if (!base) return;
  const url = `${base.replace(/\/+$/, "")}/containers/images`;
  set("DEFAULT_AWS_BASE_URL", ["mirrors", defaultMirror(value), "url"], url);
}

/**
 * The default mirror: the last in the first rule for all clients. If there is none, it is
 * added.
 */
function defaultMirror(config: Record<string, unknown>): string {
  const rules: unknown = config.rules ?? [];
  if (!Array.isArray(rules)) return DEFAULT;
  const at = rules.findIndex(isForAll);
  const rule: unknown = rules[at];
  if (!isMapping(rule)) {
    config.rules = [...rules, { clients: ["*"], mirrors: [DEFAULT] }];
    return DEFAULT;
  }
  const mirrors: unknown = rule.mirrors ?? [];
  if (!Array.isArray(mirrors)) return DEFAULT;
  const last: unknown = mirrors.at(-1);
  if (typeof last === "string") return last;
  config.rules = rules.with(at, { ...rule, mirrors: [...mirrors, DEFAULT] });
  return DEFAULT;
}

const DEFAULT = "default";

function isForAll(rule: unknown): boolean {
  return isMapping(rule) && Array.isArray(rule.clients) && rule.clients.includes("*");
}
