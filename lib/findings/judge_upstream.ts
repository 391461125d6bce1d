/**
 * What is to be changed, by what was seen of an upstream. Pure.
 *
 * @module
 */

import { formatPath } from "../config/mapping.ts";
import { parseChallenges } from "../registry/challenge.ts";
import { isDockerHub, judgeRealm } from "../registry/server.ts";
import { createFindings, type Finding } from "./finding.ts";
import type { UpstreamPlan } from "./plan.ts";
import type { SeenRepository, SeenUpstream } from "./see_upstream.ts";

/** The findings about an upstream: at least one. */
export function judgeUpstream(plan: UpstreamPlan, seen: SeenUpstream): Finding[] {
  const judge = createJudge(plan);
  const { ping } = seen;
  const isRelayed = plan.settings.pull === "relay";
  const quota = isRelayed ? [...judge.quota()] : [];
  if (ping.kind === "failed") return [judge.unanswered(ping.reason), ...quota];
  const findings = [
    ...judge.ping(ping, seen),
    ...(isRelayed ? judge.realm(ping.headers) : judge.challenge(ping.status, seen)),
  ];
  const hasFailed = findings.some(({ verdict }) => verdict === "bad");
  findings.push(...judge.pages(seen.repositories));
  if (!hasFailed) findings.push(...seen.repositories.flatMap((one) => [...judge.repository(one)]));
  findings.push(...quota);
  return findings.length > 0 ? distinct(findings) : [judge.good(ping.status, seen)];
}

function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.found, finding])).values()];
}

type Answered = Extract<SeenUpstream["ping"], { readonly kind: "answered" }>;

const TO_RELAY = "docker, podman, skopeo and most others get none behind a redirect";

function createJudge(plan: UpstreamPlan) {
  const { upstream, server, settings } = plan;
  const part = formatPath(["upstreams", upstream.name]);
  const { good, warning, bad } = createFindings(part);
  const isHub = isDockerHub(server);
  const isRelayed = settings.pull === "relay";
  const credentials = `credentials: { username: …, password_file: … }`;

  return {
    unanswered: (reason: string) =>
      bad(`gives no answer: ${reason}`, `mend endpoint in ${part}, or let archeio reach it`),

    /** What the answer to `/v2/` says by itself. */
    *ping({ status, headers }: Answered, { repositories }: SeenUpstream): Generator<Finding> {
      if (status === 200 || status === 401) return;
      if (repositories.some(({ list }) => list.kind === "listed")) return;
      const moved = tryOrigin(headers.get("location"), server.base);
      if (status >= 300 && status < 400 && moved !== undefined) {
        yield bad(`redirects /v2/ to ${moved}`, `write endpoint: ${moved} in ${part}`);
      } else if (status === 429) {
        yield warning("asks for fewer requests", adviseOnQuota());
      } else {
        yield bad(`answers ${status} to /v2/`, `is endpoint in ${part} that of a registry?`);
      }
    },

    /** Whether clients that are redirected there are let in. */
    *challenge(status: number, { anonymous, repositories }: SeenUpstream): Generator<Finding> {
      if (status !== 401 || anonymous === undefined) return;
      const hub = isHub ? `, and better ${credentials} with it` : "";
      const advice = `write pull: relay in ${part}${hub}`;
      if (anonymous.kind === "failed" || anonymous.status === 401) {
        yield bad(`wants a token, and ${TO_RELAY}`, advice);
      } else if (repositories.every(({ madeUp }) => madeUp)) {
        yield warning(
          "wants a token for /v2/; whether it wants one for repositories, too, is not known",
          `if clients fail with "unauthorized", ${advice}; archeio check NAME tries a repository`,
        );
      }
    },

    /** Whether tokens come from where archeio may ask for them. */
    *realm(headers: Headers): Generator<Finding> {
      const challenges = parseChallenges(headers.get("www-authenticate") ?? "");
      for (const { scheme, parameters } of challenges) {
        if (scheme !== "bearer") continue;
        const realm = parameters.get("realm") ?? "";
        const judged = judgeRealm(realm, server);
        if (judged.kind === "url") return;
        const host = hostsOf(realm).find((host) =>
          judgeRealm(realm, { ...server, tokenHosts: [host] }).kind === "url"
        );
        yield bad(
          `cannot be asked for tokens: ${judged.reason}`,
          host ? `if that is right, write token_hosts: ["${host}"] in ${part}` : undefined,
        );
      }
    },

    /** Whether clients can follow the pages of a list of tags. */
    *pages(repositories: readonly SeenRepository[]): Generator<Finding> {
      if (upstream.relayed !== undefined) return;
      const paged = repositories.find(({ list }) => list.kind === "listed" && list.more);
      if (paged === undefined) return;
      yield bad(
        "lists tags in pages, and clients lose the next page behind a redirect",
        `write tags: relay in ${part}`,
      );
    },

    /** What a repository shows. */
    *repository({ name, madeUp, list, blob }: SeenRepository): Generator<Finding> {
      switch (list.kind) {
        case "missing":
          if (!madeUp) yield warning(`has no repository ${name}`, adviseOnPath(name));
          return;
        case "refused":
          yield madeUp ? unknownAccess() : refused(name, list.by);
          return;
        case "slow_down":
          yield warning("asks for fewer requests", adviseOnQuota());
          return;
        case "redirect": {
          const to = tryOrigin(list.location, server.base);
          const advice = `write endpoint: ${to}, if that is the registry, in ${part}`;
          yield* isRelayed
            ? [bad(`redirects ${name}, where archeio does not follow`, to && advice)]
            : [];
          return;
        }
        case "failed":
          yield bad(list.reason, adviseOnFault(list.fault));
          return;
        case "listed":
          if (isRelayed) yield* blobOf(blob);
      }
    },

    /** Docker Hub counts pulls by the address that asks. */
    *quota(): Generator<Finding> {
      if (!isHub || settings.credentials !== undefined) return;
      yield warning(
        "is Docker Hub, asked without credentials: all clients share the few pulls that one " +
          "address has",
        `write ${credentials} in ${part}`,
      );
    },

    good(status: number, { repositories, anonymous }: SeenUpstream): Finding {
      const seen = repositories.filter(({ madeUp }) => !madeUp).map(({ name }) => name);
      const of = seen.length === 0 ? "" : ` for ${seen.join(", ")}`;
      if (!isRelayed) return good(`serves anybody without a token${of}`);
      return status === 200 && anonymous === undefined
        ? good(
          "serves anybody without a token",
          `pull: redirect in ${part} would do, and cost less`,
        )
        : good(`gives archeio a token${of}`);
    },
  };

  function adviseOnPath(name: string): string {
    return isHub && settings.path === "" && !name.includes("/")
      ? `write path: library in ${part} for Docker's official images`
      : `is path in ${part} right, and as in repositories?`;
  }

  function adviseOnQuota(): string | undefined {
    return isRelayed && settings.credentials === undefined
      ? `write ${credentials} in ${part}`
      : undefined;
  }

  function adviseOnFault(fault: "registry" | "token" | "credentials"): string | undefined {
    if (fault !== "credentials") return undefined;
    return settings.credentials === undefined
      ? `write ${credentials} in ${part}`
      : `mend credentials in ${part}`;
  }

  function unknownAccess(): Finding {
    return warning(
      "wants a token; whether it gives one for your repositories is not known",
      "archeio check NAME tries a repository",
    );
  }

  function refused(name: string, by: "registry" | "token_service"): Finding {
    const who = by === "registry" ? "does not let archeio pull" : "gives archeio no token for";
    return bad(
      `${who} ${name}`,
      settings.credentials === undefined
        ? `if it is private, write ${credentials} in ${part}, and public: true in repositories; ` +
          `else, is path in ${part} right?`
        : `let the user of credentials in ${part} pull it`,
    );
  }

  function* blobOf(blob: SeenRepository["blob"]): Generator<Finding> {
    if (blob?.kind === "failed") {
      const advice = `if clients reach that address, name it in redirect_hosts in ${part}`;
      yield bad(blob.reason, /redirect_hosts/.test(blob.reason) ? advice : undefined);
    } else if (blob?.kind === "answered" && !plan.stream) {
      yield bad(
        "serves blobs itself, which stream: false forbids: clients get 503 for those that no " +
          "mirror has",
        "write stream: true in relay",
      );
    }
  }
}

/** How a URL's host can be named: with its port or, if that is the usual one, without. */
function hostsOf(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { host, hostname, protocol } = new URL(text);
  // Nobody names an address because a registry asks for it.
  if (!/^[a-z0-9.-]*[a-z]$/.test(hostname)) return [];
  return [host, `${hostname}:${protocol === "http:" ? 80 : 443}`];
}

function tryOrigin(location: string | null, base: string): string | undefined {
  if (location === null || !URL.canParse(location, base)) return undefined;
  const { origin } = new URL(location, base);
  return origin === "null" || origin === new URL(base).origin ? undefined : origin;
}
