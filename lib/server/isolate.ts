/**
 * An isolate that serves: a redirector and a listener, controlled by the main isolate. The
 * main isolate runs one as well, over a channel that is a function call.
 *
 * @module
 */

import type { Leaving } from "../fill/leaving.ts";
import type { World } from "../mirrors/time.ts";
import type { CountedMiss } from "../observe/misses.ts";
import { createPullLog } from "../observe/pull_log.ts";
import {
  createReportedRepositories,
  type ReportedRepositories,
} from "../observe/reported_repositories.ts";
import type { RepositoryCounts } from "../observe/repositories.ts";
import type { Asked } from "../oci/request.ts";
import { createRedirector, type Redirector, type SharedMemory } from "../redirect/redirector.ts";
import type { RedirectorLog } from "../redirect/redirector_log.ts";
import type { SeenHost } from "../redirect/seen_hosts.ts";
import type { Setup } from "../redirect/setup.ts";
import type { Listen, Listener, ListenerOptions } from "./listener.ts";

/** A command for an isolate. */
export type Order =
  /** Start; always the first order. */
  | ({ readonly kind: "start" } & Start)
  /** Serve by another setup. */
  | { readonly kind: "change"; readonly setup: Setup }
  /** Serve with another certificate. */
  | { readonly kind: "certify"; readonly tls: Tls }
  /** Forget a blob that a mirror has lost. */
  | { readonly kind: "forget"; readonly mirror: number; readonly digest: string }
  /** Take a host that a relaying upstream sends clients to. */
  | { readonly kind: "see"; readonly seen: SeenHost }
  /** Send no client to mirrors for blobs that are about to be deleted there. */
  | { readonly kind: "leave"; readonly leaving: Leaving }
  /** Drain, and end pending waits after `giveUpMs`. */
  | { readonly kind: "stop"; readonly giveUpMs: number };

/** The PEM texts of a certificate and its key. */
export type Tls = NonNullable<ListenerOptions["tls"]>;

/** What an isolate starts with. */
export interface Start {
  /** The setup to serve by. */
  readonly setup: Setup;
  /** Where it listens. */
  readonly listener: Pick<ListenerOptions, "host" | "port" | "tls" | "shared">;
  /** The memory shared with the other isolates. */
  readonly memory: SharedMemory;
  /** The hosts that relaying upstreams have sent clients to. */
  readonly seen?: readonly SeenHost[];
}

/** A message from an isolate. */
export type Report =
  /** It serves at `address`. */
  | { readonly kind: "ready"; readonly address: Deno.NetAddr }
  /** It serves by the setup of the last order. */
  | { readonly kind: "changed" }
  /** It has answered its last request. */
  | { readonly kind: "stopped" }
  /** An unexpected error occurred. */
  | { readonly kind: "failed"; readonly reason: string }
  /** Another server gave no answer. */
  | { readonly kind: "unanswered"; readonly url: string; readonly reason: string }
  /** A pull was served from memory only because its upstream fails. */
  | { readonly kind: "stale"; readonly upstream: string; readonly reason: string }
  /** A mirror may have failed. */
  | { readonly kind: "suspect"; readonly mirror: number }
  /** A mirror has a blob. */
  | { readonly kind: "sample"; readonly mirror: number; readonly digest: string }
  /** A mirror had none of the last blobs. */
  | {
    readonly kind: "nothing_found";
    readonly mirror: string;
    readonly blobs: number;
    readonly answer: string;
  }
  /** A relaying upstream sends clients to a host. */
  | { readonly kind: "redirect_host"; readonly seen: SeenHost }
  /** A request was refused because its client address cannot be read. */
  | { readonly kind: "no_address"; readonly reason: string }
  /** Mirrors lacked blobs that clients asked for. */
  | { readonly kind: "misses"; readonly misses: readonly CountedMiss[] }
  /** Lines of the pull log. */
  | { readonly kind: "pulls"; readonly lines: Uint8Array<ArrayBuffer> }
  /** What the isolate in a slot counted by repository, since its start. */
  | { readonly kind: "repositories"; readonly slot: number; readonly counts: RepositoryCounts };

/** What an isolate needs. */
export interface IsolateOptions extends World {
  /** The text of the embedded data set. */
  readonly dataSet: string;
  /** Opens a listener. */
  readonly listen: Listen;
  /** Sends a report to the main isolate. */
  readonly report: (report: Report) => void;
  /** Called with the kind of each request, for traces. */
  readonly tellRoute?: ((asked: Asked, method: string) => void) | undefined;
}

/** An isolate, seen from inside. */
export interface Isolate {
  /**
   * Executes an order. Orders come one after another.
   *
   * @throws {Deno.errors.AddrInUse} and other errors of {@linkcode Listen}, for the start order
   */
  take(order: Order): Promise<void>;
  /** Its redirector, once it has started. */
  redirector(): Redirector | undefined;
}

/** Makes an isolate. */
export function createIsolate(options: IsolateOptions): Isolate {
  const { report, later, listen } = options;
  const giveUp = new AbortController();
  const pulls = createPullLog({
    send: (lines) => report({ kind: "pulls", lines }),
    now: options.timeOfDay,
    later,
  });
  const log = createReportingLog(report);
  let repositories: ReportedRepositories | undefined;
  let redirector: Redirector | undefined;
  let listener: Listener | undefined;

  function start({ setup, listener: where, memory, seen = [] }: Start): void {
    const { slot } = memory;
    repositories = createReportedRepositories({
      ...options,
      report: (counts) => report({ kind: "repositories", slot, counts }),
    });
    redirector = createRedirector(setup, {
      ...options,
      memory,
      pulls,
      repositories,
      log,
      stop: giveUp.signal,
    });
    seen.forEach(redirector.see);
    listener = listen(redirector.fetch, {
      ...where,
      later,
      onError: (error) => report({ kind: "failed", reason: describeFailure(error) }),
      onThrown: redirector.onThrown,
    });
    report({ kind: "ready", address: listener.address });
  }

  async function stop(giveUpMs: number): Promise<void> {
    const cancel = later(giveUpMs, () => giveUp.abort());
    listener?.stop();
    await listener?.finished;
    cancel();
    pulls.flush();
    repositories?.flush();
    report({ kind: "stopped" });
  }

  return {
    redirector: () => redirector,
    async take(order) {
      switch (order.kind) {
        case "start":
          return start(order);
        case "change":
          await redirector?.change(order.setup);
          return report({ kind: "changed" });
        case "certify":
          return listener?.certify(order.tls);
        case "forget":
          return redirector?.forget(order.mirror, order.digest);
        case "see":
          return redirector?.see(order.seen);
        case "leave":
          return redirector?.leave(order.leaving);
        case "stop":
          return await stop(order.giveUpMs);
      }
    },
  };
}

function createReportingLog(report: (report: Report) => void): RedirectorLog {
  return {
    onUnanswered: (url, reason) => report({ kind: "unanswered", url, reason }),
    onStale: (upstream, reason) => report({ kind: "stale", upstream, reason }),
    onSuspect: (mirror) => report({ kind: "suspect", mirror }),
    onSample: (mirror, digest) => report({ kind: "sample", mirror, digest }),
    onNothingFound: (mirror, blobs, answer) =>
      report({ kind: "nothing_found", mirror, blobs, answer }),
    onRedirectHost: (seen) => report({ kind: "redirect_host", seen }),
    onNoAddress: (reason) => report({ kind: "no_address", reason }),
    onMisses: (misses) => report({ kind: "misses", misses }),
  };
}

/** Describes an unexpected error, with its stack. */
export function describeFailure(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
