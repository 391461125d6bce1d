/**
 * Sending a HEAD request.
 *
 * @module
 */

/** What HEAD requests are sent with. */
export interface HeadOptions {
  /** Sends a request, as the platform's does. */
  readonly fetch: typeof fetch;
  /** How long to wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** When it is aborted, whatever is waited for counts as not answered. */
  readonly stop: AbortSignal;
  /** Told of each request that got no answer. */
  readonly onFailure: (url: string, reason: unknown) => void;
}

const HEADERS: Readonly<Record<string, string>> = {
  "user-agent": "archeio",
  // A registry that knows the type that it has is not among those accepted says 404.
  accept: [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "*/*",
  ].join(", "),
};

/**
 * Makes a function that sends a HEAD request and gives the status of its answer, or
 * `undefined` when none came in time. Its promise is never rejected.
 *
 * Redirects are not followed: an answer counts that the configured server gives.
 */
export function createHead(options: HeadOptions): (url: string) => Promise<number | undefined> {
  const { fetch, timeoutMs, stop, onFailure } = options;
  return async function head(url) {
    const ended = new AbortController();
    const end = () => ended.abort(new DOMException("stopping", "AbortError"));
    const timer = setTimeout(
      () => ended.abort(new DOMException(`no answer in ${timeoutMs} ms`, "TimeoutError")),
      timeoutMs,
    );
    stop.addEventListener("abort", end);
    if (stop.aborted) end();
    try {
      const response = await fetch(url, {
        method: "HEAD",
        headers: HEADERS,
        redirect: "manual",
        signal: ended.signal,
      });
      await response.body?.cancel();
      return response.status;
    } catch (reason) {
      onFailure(url, reason);
      return undefined;
    } finally {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
    }
  };
}
