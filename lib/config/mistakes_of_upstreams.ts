/**
 * Mistakes in how upstreams are used: settings that do nothing, and private repositories that
 * everybody could pull.
 *
 * @module
 */

import { tryMainUpstream } from "./environment.ts";
import { formatPath } from "./mapping.ts";
import type { FindOptions, Mistake } from "./mistakes.ts";
import type { Sketch, SketchedUpstream } from "./sketch.ts";

const ONLY_RELAYING = ["credentials", "token_hosts", "redirect_hosts"] as const;
const NOT_REDIRECTING =
  "nothing, or pull: relay beside it: clients that are redirected get none of it";

/** Finds settings of upstreams that do nothing, or contradict each other. */
export function* findUselessSettings({ upstreams = {}, relay }: Sketch): Generator<Mistake> {
  for (const [name, upstream] of Object.entries(upstreams)) {
    const path = (key: string) => formatPath(["upstreams", name, key]);
    const { pull, tags } = upstream;
    if (pull === "relay" && tags === "redirect") {
      yield { path: path("tags"), found: tags, allowed: "relay, as pull is" };
    }
    if (upstream.endpoint === undefined || pull === "relay") continue;
    const useless = tags === "relay" ? ["redirect_hosts"] as const : ONLY_RELAYING;
    for (const key of useless) {
      if (upstream[key] === undefined) continue;
      yield { path: path(key), found: upstream[key], allowed: NOT_REDIRECTING };
    }
  }
  const { tag_ttl_s: ttl, stale_s: stale } = relay;
  if (stale > 0 && stale < ttl) {
    yield {
      path: "relay.stale_s",
      found: stale,
      allowed: `at least relay.tag_ttl_s, ${ttl}, or 0`,
    };
  }
}

/** Finds files with secrets that cannot be read. */
export function* findUnreadableSecrets(
  { upstreams = {} }: Sketch,
  whyUnreadable: FindOptions["whyUnreadable"],
): Generator<Mistake> {
  for (const [name, { credentials = {} }] of Object.entries(upstreams)) {
    for (const [key, file] of Object.entries(credentials)) {
      const reason = file ? whyUnreadable?.(file) : undefined;
      if (reason === undefined) continue;
      yield {
        path: formatPath(["upstreams", name, "credentials", key]),
        found: file,
        allowed: `the path of a file that can be read (${reason})`,
      };
    }
  }
}

/**
 * Finds what everybody could pull only because archeio has credentials: each repository that an
 * upstream with credentials is asked for must be said to be public.
 */
export function* findPrivate(config: Sketch): Generator<Mistake> {
  const { upstreams = {}, repositories } = config;
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (upstream.credentials === undefined || !isRelaying(upstream)) continue;
    const isUsual = listUsual(config).includes(name);
    if (repositories === undefined) {
      if (isUsual) yield refuseAll(name);
      continue;
    }
    for (const [pattern, entry] of Object.entries(repositories)) {
      const reaches = entry.upstream === name || isUsual && isUsualEntry(entry.upstream, config);
      if (!reaches || entry.public === true) continue;
      yield {
        path: formatPath(["repositories", pattern, "public"]),
        found: entry.public,
        allowed: `true, so that everybody may pull them: the upstream ${name} has credentials`,
      };
    }
  }
}

function isRelaying({ pull, tags }: SketchedUpstream): boolean {
  return pull === "relay" || tags === "relay";
}

function refuseAll(name: string): Mistake {
  return {
    path: formatPath(["upstreams", name, "credentials"]),
    found: "given",
    allowed: "credentials, if repositories names what everybody may pull, each with public: true",
  };
}

// The upstreams of repositories whose entries name none.
function listUsual({ upstreams = {}, rules, signature_upstream: signatures }: Sketch) {
  return [
    tryMainUpstream(upstreams, signatures),
    signatures,
    ...rules.map(({ upstream }) => upstream),
  ];
}

function isUsualEntry(upstream: string | undefined, config: Sketch): boolean {
  const { upstreams = {}, signature_upstream: signatures } = config;
  return upstream === undefined || upstream === tryMainUpstream(upstreams, signatures);
}
