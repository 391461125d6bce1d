/**
 * The providers of the model, which publish where their clients are: files that are right,
 * too much, or nothing at all.
 *
 * @module
 */

/** The providers that publish something. */
export type Publisher = "aws" | "gcp";

/** What a provider publishes. */
export type Published =
  /** What stands in the data set from the start. */
  | "same"
  /** And a network more. */
  | "more"
  /** And that, and more than any provider comes to have at once. */
  | "much"
  /** The whole internet. */
  | "all"
  /** Half a file. */
  | "broken"
  /** 503. */
  | "nothing";

/** What becomes of files. */
export interface Publishing {
  /** What each provider publishes. */
  readonly files: Record<Publisher, Published>;
  /** Answers a request for a file; `undefined` when it is for none. */
  respond(url: string): Response | undefined;
  /** How often all files were asked for, or those that failed. */
  readonly rounds: number;
  /** When a provider's file was last fetched, and what it was. */
  readonly last: Partial<Record<Publisher, { readonly atMs: number; readonly file: Published }>>;
}

/** Where a provider publishes. */
export function sourceOf(provider: string): string {
  return `http://data.example/${provider}`;
}

const MUCH = Array.from({ length: 16 }, (_, at) => `${200 + at}.0.0.0/8`);
const PREFIXES: Record<Exclude<Published, "broken" | "nothing">, readonly string[]> = {
  same: ["192.0.3.0/24"],
  more: ["192.0.3.0/24", "198.18.0.0/24"],
  much: ["192.0.3.0/24", ...MUCH],
  all: ["0.0.0.0/0"],
};

/** Makes providers of which the first publishes what is known, and the others nothing. */
export function createPublishing(now: () => number): Publishing {
  const files: Record<Publisher, Published> = { aws: "same", gcp: "nothing" };
  const last: Publishing["last"] = {};
  let rounds = 0;
  return {
    files,
    last,
    get rounds() {
      return rounds;
    },
    respond(url) {
      if (!url.startsWith(sourceOf(""))) return undefined;
      const provider = url.slice(sourceOf("").length);
      // It always fails, and so is asked in each round.
      if (provider === "azure") rounds++;
      if (provider !== "aws" && provider !== "gcp") return new Response(null, { status: 503 });
      const file = files[provider];
      last[provider] = { atMs: now(), file };
      if (file === "nothing") return new Response(null, { status: 503 });
      const text = JSON.stringify(file === "broken" ? {} : write(provider, PREFIXES[file]));
      return new Response(streamOf(text));
    },
  };
}

function write(provider: Publisher, prefixes: readonly string[]): unknown {
  if (provider === "gcp") {
    return {
      creationTime: "2026-01-02T00:00:00",
      prefixes: prefixes.map((ipv4Prefix) => ({ scope: "x", ipv4Prefix })),
    };
  }
  return {
    createDate: "2026-01-02-00-00-00",
    prefixes: prefixes.map((ip_prefix) => ({ region: "x", ip_prefix })),
    ipv6_prefixes: [{ region: "x", ipv6_prefix: "2001:db8::/48" }],
  };
}

// A text's bytes would come by the runtime's own time.
function streamOf(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}
