/**
 * A mirror that answers as S3 does: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 *
 * @module
 */

import type { CertificateFiles } from "./certificate_files.ts";
import { serveBoth, type Store } from "./store.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A mirror that can be told to fail. */
export interface BlobStore extends Store {
  /** Lets the next GET of a blob end in its middle. */
  breakOff(digest: string): void;
}

const FLUSH_MS = 50;

/** Starts a mirror with these blobs, at `/near/<digest>`; at 127.0.0.1 if not told otherwise. */
export function startBlobStore(
  blobs: ReadonlyMap<string, Bytes>,
  certificate: CertificateFiles,
  hostname?: string,
): BlobStore {
  const toBreakOff = new Set<string>();
  const store = serveBoth(
    (request) => {
      const digest = decodeURIComponent(new URL(request.url).pathname).slice("/near/".length);
      const blob = blobs.get(digest);
      if (blob === undefined) return accessDenied(request.method);
      const range = readRange(request.headers.get("range"), blob.length);
      const headers = new Headers({ "accept-ranges": "bytes", etag: `"${digest}"` });
      if (range === undefined) return answer(200, blob, headers);
      headers.set("content-range", `bytes ${range.start}-${range.end - 1}/${blob.length}`);
      return answer(206, blob.subarray(range.start, range.end), headers);

      function answer(status: number, part: Bytes, headers: Headers): Response {
        headers.set("content-length", String(part.length));
        headers.set("content-type", "application/octet-stream");
        if (request.method === "HEAD") return new Response(null, { status, headers });
        const breaks = toBreakOff.delete(digest);
        return new Response(breaks ? firstHalfOf(part) : part, { status, headers });
      }
    },
    certificate,
    hostname,
  );
  return {
    ...store,
    http: `${store.http}/near`,
    https: `${store.https}/near`,
    breakOff: (digest) => void toBreakOff.add(digest),
  };
}

// What is not there looks like what may not be read: nobody may list the bucket.
function accessDenied(method: string): Response {
  const body = `<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`;
  return new Response(method === "HEAD" ? null : body, {
    status: 403,
    headers: { "content-type": "application/xml" },
  });
}

function readRange(header: string | null, length: number) {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined) return undefined;
  return { start: Number(first), end: last ? Math.min(Number(last) + 1, length) : length };
}

// Less than the length that the headers say, so the connection is cut; not before what
// there is has been sent, for which the server needs a turn of its own.
function firstHalfOf(bytes: Bytes): ReadableStream {
  const pieces = [bytes.subarray(0, bytes.length / 2)];
  return new ReadableStream({
    async pull(controller) {
      const piece = pieces.pop();
      if (piece !== undefined) return controller.enqueue(piece);
      await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
      controller.close();
    },
  });
}
