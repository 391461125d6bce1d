/**
 * A store that is an S3 bucket, or anything that speaks its protocol: R2, Google's
 * interoperability, MinIO, versitygw.
 *
 * @module
 */

import { failed, type Failure } from "../failure.ts";
import { type KeyTemplate, parseKeyTemplate } from "../key.ts";
import { DONE, type Done, type ListOptions, type Store, type StoredBlob } from "../store.ts";
import { type Bucket, createS3Client, type S3Client, type S3ClientOptions } from "./s3_client.ts";
import type { S3Answer } from "./s3_errors.ts";
import { beginMultipart, type Journal, tidyMultiparts, tryMultipart } from "./s3_multipart.ts";
import { beginPut, OBJECT_HEADERS, payloadHashOf } from "./s3_put.ts";
import { listElements, tryElement } from "./s3_xml.ts";

/** What an S3 store needs. */
export interface S3StoreOptions extends S3ClientOptions {
  /** The bucket. */
  readonly bucket: Bucket;
  /** The template of its keys. */
  readonly key: string;
  /** Keeps the multipart uploads in progress over a restart. */
  readonly journal: Journal;
  /** The sizes at which uploads change; by default S3's. */
  readonly sizes?: Sizes;
}

/** The sizes at which uploads change, in bytes. */
export interface Sizes {
  /** The largest object that is written in one piece. */
  readonly single: number;
  /** The smallest part of the others. */
  readonly part: number;
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const SIZES: Sizes = { single: 5 * 1024 ** 3, part: 64 * 1024 ** 2 };

// No blob's, as far as anybody knows.
const NOTHINGS_DIGEST = `sha256:${"0".repeat(64)}`;

/** Makes an S3 store. */
export function createS3Store(options: S3StoreOptions): Store {
  const { bucket, journal, sizes = SIZES } = options;
  const template = parseKeyTemplate(options.key);
  const client = createS3Client(bucket, options);

  return {
    host: hostOf(bucket),
    place: `s3://${bucket.bucket}`,
    list: (list) => listAll(client, template, list),
    begin(digest, size, signal) {
      const key = template.format(digest);
      return size > sizes.single
        ? beginMultipart(client, { key, size, leastPart: sizes.part, journal }, signal)
        : beginPut(client, { key, digest, size }, signal);
    },
    put(digest, bytes, signal) {
      const request = {
        method: "PUT",
        key: template.format(digest),
        headers: OBJECT_HEADERS,
        sha256: payloadHashOf(digest),
      } as const;
      return client.send(request, bytes, signal).then(toDone);
    },
    tidy: (signal) =>
      tidyMultiparts(client, { template, journal, now: options.timeOfDay() }, signal),
    tryWrite: (signal) =>
      tryMultipart(client, { key: template.format(NOTHINGS_DIGEST), journal }, signal),
    async remove(digests, signal) {
      for (const digest of digests) {
        const request = { method: "DELETE", key: template.format(digest) } as const;
        const answer = await client.send(request, undefined, signal);
        if (!("status" in answer)) return answer;
      }
      return DONE;
    },
  };
}

function hostOf({ endpoint, bucket, style }: Bucket): string {
  const { host } = new URL(endpoint);
  return style === "virtual" ? `${bucket}.${host}` : host;
}

function toDone(answer: S3Answer | Failure): Done | Failure {
  return "status" in answer ? DONE : answer;
}

/** Lists the bucket, 1,000 keys a request. */
async function listAll(
  client: S3Client,
  { prefix, tryDigest }: KeyTemplate,
  { onBlob, signal }: ListOptions,
): Promise<Done | Failure> {
  const seen = new Set<string>();
  let token: string | undefined;
  for (;;) {
    const query = {
      "list-type": "2",
      "max-keys": "1000",
      "encoding-type": "url",
      ...prefix === "" ? {} : { prefix },
      ...token === undefined ? {} : { "continuation-token": token },
    };
    const answer = await client.send({ method: "GET", key: "", query }, undefined, signal);
    if (!("status" in answer)) return answer;
    const { text } = answer;
    if (!text.includes("<ListBucketResult")) return failed("it answered with no listing");
    const isEncoded = tryElement(text, "EncodingType") === "url";
    for (const object of listElements(text, "Contents")) {
      const blob = tryBlob(object, (key) => tryDigest(isEncoded ? decodeKey(key) : key));
      if (blob !== undefined) onBlob(blob);
    }
    if (tryElement(text, "IsTruncated") !== "true") return DONE;
    token = tryElement(text, "NextContinuationToken");
    if (token === undefined || seen.has(token)) return failed("its listing has no end");
    seen.add(token);
  }
}

function tryBlob(
  object: string,
  tryDigest: KeyTemplate["tryDigest"],
): StoredBlob | undefined {
  const digest = tryDigest(tryElement(object, "Key") ?? "");
  const size = tryElement(object, "Size") ?? "";
  if (digest === undefined || !/^\d{1,15}$/.test(size) || isArchived(object)) return undefined;
  const writtenMs = Date.parse(tryElement(object, "LastModified") ?? "");
  return { digest, size: Number(size), writtenMs };
}

// Clients cannot get what is in an archive: it counts as missing, and is written anew.
function isArchived(object: string): boolean {
  return /^(?:GLACIER|DEEP_ARCHIVE)$/.test(tryElement(object, "StorageClass") ?? "");
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return key;
  }
}
