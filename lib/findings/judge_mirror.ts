/**
 * What is to be changed, by what was seen of a mirror. Pure.
 *
 * @module
 */

import { formatPath } from "../config/mapping.ts";
import { describeAnswer, EMPTY_DIGEST, judgeCheck } from "../mirrors/answer.ts";
import type { Mirror } from "../routing/policy.ts";
import type { Reply } from "./ask.ts";
import { createFindings, type Finding } from "./finding.ts";
import type { SeenMirror } from "./see_mirror.ts";

/** The findings about a mirror: at least one. */
export function judgeMirror(mirror: Mirror, seen: SeenMirror): Finding[] {
  const part = formatPath(["mirrors", mirror.name]);
  const { head } = seen;
  if (head.kind === "failed") {
    const advice = `mend url in ${part}, or let archeio reach it`;
    return [createFindings(part).bad(`gives no answer: ${head.reason}`, advice)];
  }
  const { status } = head;
  if (status < 300) return [hasAll(part, status)];
  if (status < 400) return [redirects(mirror, part, status, head.headers, seen.unknown)];
  if (status === 403 || status === 404 || status === 410) return judgeWorking(part, seen, status);
  return [fails(part, status)];
}

function hasAll(part: string, status: number): Finding {
  return createFindings(part).bad(
    `answers ${status} for a blob that nobody has, so it counts as down`,
    `mend url in ${part}, or let it answer 404 to what it does not have`,
  );
}

function redirects(
  { template }: Mirror,
  part: string,
  status: number,
  headers: Headers,
  unknown: string,
): Finding {
  const location = tryLocation(headers.get("location"));
  const end = `/${unknown}`;
  const to = template === undefined && location?.endsWith(end)
    ? location.slice(0, -end.length)
    : undefined;
  const where = location === undefined ? "" : ` to ${new URL(location).origin}`;
  return createFindings(part).bad(
    `redirects every blob (${status})${where}, which archeio does not follow`,
    `write ${to === undefined ? "the URL that blobs have there" : `url: ${to}`} in ${part}`,
  );
}

const LONGEST = 1024;

function tryLocation(location: string | null): string | undefined {
  if (location === null || location.length > LONGEST || !URL.canParse(location)) return undefined;
  const { origin, pathname } = new URL(location);
  return origin === "null" ? undefined : origin + pathname;
}

function fails(part: string, status: number): Finding {
  const { bad, warning } = createFindings(part);
  if (status === 401) return bad("wants a login", `mend url in ${part}, or let everybody read it`);
  if (status === 429 || status === 503) return warning(`asks for fewer requests (${status})`);
  return bad(
    `answers ${status} for a blob that nobody has, so it counts as down`,
    `mend url in ${part}, or let it answer 404 to what it does not have`,
  );
}

function judgeWorking(part: string, seen: SeenMirror, status: number): Finding[] {
  const { asked, had, get, firstByte } = seen;
  const { good, warning, bad } = createFindings(part);
  if (get !== undefined && isWithoutBucket(get)) {
    return [
      bad(
        "has no bucket: whoever creates one of that name decides what it serves",
        `create the bucket, or mend url in ${part}`,
      ),
    ];
  }
  if (get?.kind === "answered" && get.status < 300) return [hasAll(part, get.status)];
  const share = asked === 0 ? "" : `; has ${had} of ${asked} blobs that were tried`;
  if (asked > 0 && had === 0) {
    return [
      warning(`has none of ${asked} blobs that were tried`, `fill it, or mend url in ${part}`),
    ];
  }
  if (firstByte !== undefined) {
    const answer = describeAnswer(firstByte);
    if (judgeCheck(firstByte, EMPTY_DIGEST) !== "found") {
      return [bad(`says that it has a blob, and does not deliver it: ${answer}`)];
    }
    if (answer !== "status 206") {
      return [warning(`passes over Range (${answer}), so clients that go on begin anew${share}`)];
    }
  }
  return [good(`answers ${status} for a blob that nobody has${share}`)];
}

// S3 and what is compatible with it say so in the body
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and so does Google
// (https://cloud.google.com/storage/docs/xml-api/reference-status); Azure has a header
// (https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes).
function isWithoutBucket(reply: Reply): boolean {
  return reply.kind === "answered" &&
    (reply.body.includes("<Code>NoSuchBucket</Code>") ||
      reply.headers.get("x-ms-error-code") === "ContainerNotFound");
}
