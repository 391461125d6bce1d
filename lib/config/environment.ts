/**
 * The environment variables of the Go archeio, over whatever a configuration says.
 *
 * | variable | sets |
 * |---|---|
 * | `HOST`, `PORT` | where to listen |
 * | `LOG_LEVEL` | the log's level |
 * | `UPSTREAM_REGISTRY_ENDPOINT`, `UPSTREAM_REGISTRY_PATH` | the main upstream |
 * | `SIGNATURE_UPSTREAM_ENDPOINT` | the signature upstream's endpoint |
 * | `DEFAULT_AWS_BASE_URL` | the mirror that everyone else has: `<it>/containers/images` |
 *
 * @module
 */

/** The variables that are read. An empty one counts as not set. */
export const VARIABLES = [
  "HOST",
  "PORT",
  "LOG_LEVEL",
  "UPSTREAM_REGISTRY_ENDPOINT",
  "UPSTREAM_REGISTRY_PATH",
  "SIGNATURE_UPSTREAM_ENDPOINT",
  "DEFAULT_AWS_BASE_URL",
] as const;

/** Gives the value of a variable. */
export type Environment = (variable: typeof VARIABLES[number]) => string | undefined;

/** A configuration with the environment over it. */
export interface Overridden {
  /** Not yet checked. */
  readonly value: unknown;
  /** Which variable a value came from, by the value's path: `listen.port` from `PORT`. */
  readonly variables: ReadonlyMap<string, string>;
}

type Mapping = Record<string, unknown>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The name of the upstream that serves whatever no rule says otherwise of: the one
 * named `main`, or the only one.
 */
export function tryMainUpstream(upstreams: Readonly<Mapping>): string | undefined {
  if (Object.hasOwn(upstreams, "main")) return "main";
  const [name, ...others] = Object.keys(upstreams);
  return others.length === 0 ? name : undefined;
}

/**
 * Puts the environment over a configuration. What is no mapping is left as it is,
 * for the check to find.
 */
export function overrideConfig(config: unknown, environment: Environment): Overridden {
  const variables = new Map<string, string>();
  if (!isMapping(config)) return { value: config, variables };
  const value: Mapping = structuredClone(config);

  function set(variable: typeof VARIABLES[number], path: string[], given: unknown): void {
    let at = value;
    for (const key of path.slice(0, -1)) {
      const next = at[key] ??= {};
      if (!isMapping(next)) return;
      at = next;
    }
    at[path.at(-1)!] = given;
    variables.set(path.join("."), variable);
  }

  const host = environment("HOST");
  if (host) set("HOST", ["listen", "host"], host);
  const port = environment("PORT");
  if (port) set("PORT", ["listen", "port"], /^\d+$/.test(port) ? Number(port) : port);
  const level = environment("LOG_LEVEL");
  if (level) set("LOG_LEVEL", ["log", "level"], level.toLowerCase());

  const upstreams = isMapping(value.upstreams) ? value.upstreams : {};
  const main = tryMainUpstream(upstreams) ?? "main";
  const endpoint = environment("UPSTREAM_REGISTRY_ENDPOINT");
  if (endpoint) {
    set("UPSTREAM_REGISTRY_ENDPOINT", ["upstreams", main, "endpoint"], endpoint);
  }
  const path = environment("UPSTREAM_REGISTRY_PATH");
  // An empty path means something: repositories stand at the endpoint's top.
  if (path !== undefined) {
    const trimmed = path.replace(/^\/+|\/+$/g, "");
    set("UPSTREAM_REGISTRY_PATH", ["upstreams", main, "path"], trimmed);
  }

  const signatures = environment("SIGNATURE_UPSTREAM_ENDPOINT");
  if (signatures) {
    const named = value.signature_upstream;
    const name = typeof named === "string" && named !== main ? named : "signatures";
    const mainUpstream = isMapping(value.upstreams) ? value.upstreams[main] : undefined;
    if (!Object.hasOwn(upstreams, name) && isMapping(mainUpstream)) {
      // As there: at the same path as the upstream.
      set("SIGNATURE_UPSTREAM_ENDPOINT", ["upstreams", name], { ...mainUpstream });
    }
    set("SIGNATURE_UPSTREAM_ENDPOINT", ["upstreams", name, "endpoint"], signatures);
    set("SIGNATURE_UPSTREAM_ENDPOINT", ["signature_upstream"], name);
  }

  const base = environment("DEFAULT_AWS_BASE_URL");
  if (base) {
    const name = defaultMirror(value);
    const url = `${base.replace(/\/+$/, "")}/containers/images`;
    set("DEFAULT_AWS_BASE_URL", ["mirrors", name, "url"], url);
  }
  return { value, variables };
}

/**
 * The mirror of everyone else: the last in the first rule for all clients. A
 * configuration without one gets it.
 */
function defaultMirror(config: Mapping): string {
  const rules = config.rules ??= [];
  const rule: unknown = Array.isArray(rules)
    ? rules.find((rule) =>
      isMapping(rule) && Array.isArray(rule.clients) && rule.clients.includes("*")
    )
    : undefined;
  const mirrors = isMapping(rule) && Array.isArray(rule.mirrors) ? rule.mirrors : [];
  const last: unknown = mirrors.at(-1);
  if (typeof last === "string") return last;
  if (isMapping(rule)) rule.mirrors = [...mirrors, "default"];
  else if (Array.isArray(rules)) rules.push({ clients: ["*"], mirrors: ["default"] });
  return "default";
}
