/**
 * Servers of the tests' own process: a registry with what is in memory, and a bucket.
 *
 * @module
 */

import type { MemoryRepository } from "./fixture.ts";
import { digestOf } from "./fixture.ts";

/** A server. */
export interface Served extends AsyncDisposable {
  /** Its URL. */
  readonly url: string;
  /** What it was asked: `GET /v2/`. */
  readonly asked: string[];
}

type Answer = (request: Request) => Response | Promise<Response>;

function serve(answer: Answer): Served {
  const asked: string[] = [];
  // What breaks off on purpose is no news.
  const onError = () => new Response(null, { status: 500 });
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, onError };
  const server = Deno.serve(options, (request) => {
    const { pathname, search } = new URL(request.url);
    asked.push(`${request.method} ${pathname}${search}`);
    return answer(request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** How a registry behaves. */
export interface RegistryBehaviour {
  /** Answers in place of the registry, if it likes. */
  readonly instead?: (request: Request, path: string) => Response | undefined;
}

/** Serves repositories as a registry does, in pages of two. */
export function serveRegistry(
  repositories: Readonly<Record<string, MemoryRepository>>,
  { instead = () => undefined }: RegistryBehaviour = {},
): Served {
  const served: Served = serve((request) => {
    const { pathname } = new URL(request.url);
    return instead(request, pathname) ?? answer(request, repositories);
  });
  return served;
}

const NOT_FOUND = () => new Response("{}", { status: 404 });

function answer(request: Request, all: Readonly<Record<string, MemoryRepository>>): Response {
  const url = new URL(request.url);
  if (url.pathname === "/v2/_catalog") {
    return page(url, "repositories", Object.keys(all).toSorted());
  }
  const [, name = "", what, last = ""] =
    /^\/v2\/(.+)\/(tags|manifests|blobs|referrers)\/([^/]+)$/.exec(url.pathname) ?? [];
  const repository = all[name];
  if (repository === undefined) return NOT_FOUND();
  switch (what) {
    case "tags":
      return page(url, "tags", [...repository.tags.keys()].toSorted());
    case "manifests": {
      const bytes = repository.manifests.get(repository.tags.get(last) ?? last);
      if (bytes === undefined) return NOT_FOUND();
      const headers = {
        "docker-content-digest": digestOf(bytes),
        "content-length": String(bytes.length),
      };
      return new Response(request.method === "HEAD" ? null : bytes, { headers });
    }
    case "blobs": {
      const bytes = repository.blobs.get(last);
      return bytes === undefined ? NOT_FOUND() : new Response(bytes);
    }
    default: {
      const manifests = (repository.referrers.get(last) ?? []).map((digest) => ({ digest }));
      return Response.json({ schemaVersion: 2, manifests });
    }
  }
}

const PAGE = 2;

function page(url: URL, key: string, all: readonly string[]): Response {
  const from = url.searchParams.get("last") ?? "";
  const rest = all.filter((one) => one > from);
  const shown = rest.slice(0, PAGE);
  const headers = new Headers();
  if (shown.length < rest.length) {
    headers.set("link", `<${url.pathname}?last=${shown.at(-1)}>; rel="next"`);
  }
  return Response.json({ [key]: shown }, { headers });
}

/** A bucket. */
export interface Bucket extends Served {
  /** Its objects, by their keys. */
  readonly objects: Map<string, Uint8Array<ArrayBuffer>>;
  /** The storage classes of those that have one. */
  readonly classes: Map<string, string>;
  /** The uploads in parts that are not completed, by their ids. */
  readonly uploads: Map<string, { readonly key: string; readonly parts: Uint8Array[] }>;
  /** Called with each request: what is answered in place of the bucket. */
  instead: (request: Request) => Response | undefined;
  /** How old everything in it is said to be. */
  lastModified: string;
}

/** Serves a bucket named `blobs`, at `/blobs/`, three keys a page. */
export function serveBucket(): Bucket {
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const classes = new Map<string, string>();
  const uploads: Bucket["uploads"] = new Map();
  const bucket: Bucket = {
    ...serve((request) => bucket.instead(request) ?? answerS3(request, bucket)),
    objects,
    classes,
    uploads,
    instead: () => undefined,
    lastModified: "2020-01-01T00:00:00.000Z",
  };
  return bucket;
}

/** An error of S3. */
export function s3Error(status: number, code: string, headers: HeadersInit = {}): Response {
  const text = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
  return new Response(text, { status, headers });
}

async function answerS3(request: Request, bucket: Bucket): Promise<Response> {
  const url = new URL(request.url);
  const key = decodeURIComponent(url.pathname.replace(/^\/blobs\/?/, ""));
  if (!request.headers.get("authorization")?.includes("Credential=me/")) {
    return s3Error(403, "AccessDenied");
  }
  const { objects, uploads } = bucket;
  const id = url.searchParams.get("uploadId");
  switch (request.method) {
    case "GET":
      return url.searchParams.has("uploads") ? listUploads(bucket) : list(url, bucket);
    case "DELETE":
      if (id === null) objects.delete(key);
      else if (!uploads.delete(id)) return s3Error(404, "NoSuchUpload");
      return new Response(null, { status: 204 });
    case "POST":
      return await multipart(request, key, id, bucket);
    default: {
      if (request.headers.get("content-length") === null) {
        return s3Error(411, "MissingContentLength");
      }
      const bytes = new Uint8Array(await request.arrayBuffer());
      if (id === null) {
        const sha256 = request.headers.get("x-amz-content-sha256");
        if (sha256 !== "UNSIGNED-PAYLOAD" && digestOf(bytes) !== `sha256:${sha256}`) {
          return s3Error(400, "XAmzContentSHA256Mismatch");
        }
        objects.set(key, bytes);
      } else uploads.get(id)!.parts[Number(url.searchParams.get("partNumber")) - 1] = bytes;
      return new Response(null, { headers: { etag: `"${digestOf(bytes)}"` } });
    }
  }
}

async function multipart(
  request: Request,
  key: string,
  id: string | null,
  { objects, uploads }: Bucket,
): Promise<Response> {
  if (id === null) {
    const created = `upload-${uploads.size + 1}`;
    uploads.set(created, { key, parts: [] });
    return new Response(`<Result><UploadId>${created}</UploadId></Result>`);
  }
  await request.text();
  const { parts } = uploads.get(id)!;
  uploads.delete(id);
  objects.set(
    key,
    new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer()),
  );
  return new Response("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
}

function listUploads({ uploads, lastModified }: Bucket): Response {
  const all = [...uploads].map(([id, { key }]) =>
    `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${lastModified}</Initiated></Upload>`
  );
  return new Response(`<ListMultipartUploadsResult>${all.join("")}</ListMultipartUploadsResult>`);
}

function list(url: URL, { objects, classes, lastModified }: Bucket): Response {
  const prefix = url.searchParams.get("prefix") ?? "";
  const after = url.searchParams.get("continuation-token") ?? "";
  const keys = [...objects.keys()].toSorted().filter((key) =>
    key.startsWith(prefix) && key > after
  );
  const shown = keys.slice(0, 3);
  const contents = shown.map((key) => {
    const { length } = objects.get(key)!;
    const storage = classes.get(key) ?? "STANDARD";
    return `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${length}</Size>` +
      `<LastModified>${lastModified}</LastModified><StorageClass>${storage}</StorageClass></Contents>`;
  });
  const more = shown.length < keys.length;
  return new Response(
    `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>` +
      (more ? `<NextContinuationToken>${shown.at(-1)}</NextContinuationToken>` : "") +
      `${contents.join("")}</ListBucketResult>`,
  );
}
