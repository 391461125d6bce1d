/**
 * Writes an object to S3 in parts: those above 5 GB, which it takes in no other way. Parts are
 * no object before the upload is completed, and it is only once the hash of all is right.
 *
 * The ETag and the checksum of such an object are made of those of its parts, so they say
 * nothing about its digest, and are compared with nothing.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 *
 * @module
 */

import { failed, type Failure } from "../failure.ts";
import type { KeyTemplate } from "../key.ts";
import { DONE, type Done, type Upload } from "../store.ts";
import type { S3Client } from "./s3_client.ts";
import { beginStream, OBJECT_HEADERS, type Stream } from "./s3_put.ts";
import { encodeXml, listElements, tryElement } from "./s3_xml.ts";

/** Keeps the ids of uploads in progress, so that a later run can abort what this one left. */
export interface Journal {
  /** The ids of earlier runs. */
  readonly left: ReadonlySet<string>;
  /** An upload was begun. */
  began(uploadId: string): Promise<void>;
  /** It was completed or aborted. */
  ended(uploadId: string): Promise<void>;
}

/** An object to write in parts. */
export interface MultipartObject {
  /** Its key. */
  readonly key: string;
  /** Its size in bytes. */
  readonly size: number;
  /** The smallest part but for the last, in bytes. */
  readonly leastPart: number;
  /** Keeps its id. */
  readonly journal: Journal;
}

const MOST_PARTS = 10_000;
const STEP = 1024 * 1024;

/** The size of the parts of an object. */
export function partSizeOf(size: number, leastPart: number): number {
  return Math.max(leastPart, Math.ceil(size / MOST_PARTS / STEP) * STEP);
}

/** Begins to write an object in parts. */
export function beginMultipart(
  client: S3Client,
  { key, size, leastPart, journal }: MultipartObject,
  signal: AbortSignal,
): Upload {
  const partSize = partSizeOf(size, leastPart);
  const etags: string[] = [];
  let creating: Promise<string | Failure> | undefined;
  let part: Stream | undefined;
  let partLeft = 0;
  let left = size;

  async function create(): Promise<string | Failure> {
    const request = {
      method: "POST",
      key,
      query: { uploads: "" },
      headers: OBJECT_HEADERS,
    } as const;
    const answer = await client.send(request, undefined, signal);
    if (!("status" in answer)) return answer;
    const id = tryElement(answer.text, "UploadId");
    if (id === undefined) return failed("it answered with no multipart upload");
    await journal.began(id);
    return id;
  }

  function beginPart(uploadId: string): Stream {
    partLeft = Math.min(partSize, left);
    const query = { partNumber: String(etags.length + 1), uploadId };
    const request = { method: "PUT", key, query, sha256: "UNSIGNED-PAYLOAD" } as const;
    return part = beginStream(client, request, partLeft, signal);
  }

  async function endPart(stream: Stream): Promise<Done | Failure> {
    const headers = await stream.finish();
    part = undefined;
    if (!(headers instanceof Headers)) return headers;
    const etag = headers.get("etag");
    if (etag === null) return failed("it answered a part with no ETag");
    etags.push(etag);
    return DONE;
  }

  async function write(bytes: Uint8Array<ArrayBuffer>): Promise<Done | Failure> {
    const id = await (creating ??= create());
    if (typeof id !== "string") return id;
    for (let rest = bytes; rest.length > 0;) {
      const stream = part ?? beginPart(id);
      const piece = rest.subarray(0, partLeft);
      const written = await stream.write(piece);
      if (written.kind === "failed") return written;
      rest = rest.subarray(piece.length);
      partLeft -= piece.length;
      left -= piece.length;
      if (partLeft > 0) continue;
      const ended = await endPart(stream);
      if (ended.kind === "failed") return ended;
    }
    return DONE;
  }

  return {
    write,
    async finish() {
      const id = await (creating ??= create());
      if (typeof id !== "string") return id;
      const outcome = await complete(client, { key, id, etags }, signal);
      if (outcome.kind === "done") await journal.ended(id);
      else await abortUpload(client, { key, id }, journal);
      return outcome;
    },
    async abort() {
      await part?.abort();
      const id = await creating;
      if (typeof id === "string") await abortUpload(client, { key, id }, journal);
    },
  };
}

interface UploadPlace {
  readonly key: string;
  readonly id: string;
}

async function complete(
  client: S3Client,
  { key, id, etags }: UploadPlace & { readonly etags: readonly string[] },
  signal: AbortSignal,
): Promise<Done | Failure> {
  const parts = etags.map((etag, at) =>
    `<Part><PartNumber>${at + 1}</PartNumber><ETag>${encodeXml(etag)}</ETag></Part>`
  );
  const xml = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  const body = new TextEncoder().encode(xml);
  const query = { uploadId: id };
  const request = { method: "POST", key, query, sha256: "UNSIGNED-PAYLOAD" } as const;
  const answer = await client.send(request, body, signal);
  return "status" in answer ? DONE : answer;
}

async function abortUpload(
  client: S3Client,
  { key, id }: UploadPlace,
  journal: Journal,
): Promise<Done | Failure> {
  const request = { method: "DELETE", key, query: { uploadId: id } } as const;
  // Also when the program is being stopped: the request has a time limit of its own.
  const answer = await client.send(request, undefined, new AbortController().signal);
  // One that does not exist any more is as good as aborted.
  if (!("status" in answer) && !/\b(?:404|NoSuchUpload)\b/.test(answer.reason)) return answer;
  await journal.ended(id);
  return DONE;
}

/** Begins an upload in parts, and aborts it. */
export async function tryMultipart(
  client: S3Client,
  { key, journal }: Pick<MultipartObject, "key" | "journal">,
  signal: AbortSignal,
): Promise<Done | Failure> {
  const request = { method: "POST", key, query: { uploads: "" } } as const;
  const answer = await client.send(request, undefined, signal);
  if (!("status" in answer)) return answer;
  const id = tryElement(answer.text, "UploadId");
  if (id === undefined) return failed("it answered with no multipart upload");
  await journal.began(id);
  return await abortUpload(client, { key, id }, journal);
}

/** What tidying needs. */
export interface TidyOptions {
  /** The template of the store's keys. */
  readonly template: KeyTemplate;
  /** The ids that earlier runs left. */
  readonly journal: Journal;
  /** The time of day in milliseconds since 1970. */
  readonly now: number;
}

// Another machine may be at work on its own uploads, but on none for so long.
const OLD_MS = 86_400_000;

/**
 * Aborts the multipart uploads that earlier runs left: those that are in the journal, and
 * those to keys of blobs that were begun more than a day ago.
 */
export async function tidyMultiparts(
  client: S3Client,
  { template, journal, now }: TidyOptions,
  signal: AbortSignal,
): Promise<Done | Failure> {
  const { prefix } = template;
  const query = { uploads: "", ...prefix === "" ? {} : { prefix } };
  const answer = await client.send({ method: "GET", key: "", query }, undefined, signal);
  if (!("status" in answer)) return answer;
  for (const upload of listElements(answer.text, "Upload")) {
    const key = tryElement(upload, "Key") ?? "";
    const id = tryElement(upload, "UploadId") ?? "";
    const begunMs = Date.parse(tryElement(upload, "Initiated") ?? "");
    const isOurs = template.tryDigest(key) !== undefined &&
      (journal.left.has(id) || now - begunMs > OLD_MS);
    if (!isOurs) continue;
    const aborted = await abortUpload(client, { key, id }, journal);
    if (aborted.kind === "failed") return aborted;
  }
  return DONE;
}
