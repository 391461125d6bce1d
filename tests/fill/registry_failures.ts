/**
 * Answers of registries that are none, and what they mean.
 *
 * @module
 */

import { failed, failedForGood, type Failure } from "../../lib/fill/failure.ts";

/** Answers, and the failures that they are told as. */
export function describeFailureOf(): {
  readonly answer: Response | Error;
  readonly expected: Failure;
}[] {
  const status = (status: number, headers: HeadersInit = {}) =>
    new Response(null, { status, headers });
  return [
    { answer: status(403), expected: failedForGood("it refuses access") },
    { answer: status(429), expected: failed("it asks for fewer requests (429)") },
    {
      answer: status(429, { "retry-after": "7" }),
      expected: failed("it asks for fewer requests (429)", 7000),
    },
    { answer: status(500), expected: failed("it answered 500") },
    { answer: status(503, { "retry-after": "3" }), expected: failed("it answered 503", 3000) },
    {
      answer: status(501),
      expected: { ...failedForGood("it answered 501"), retryAfterMs: undefined },
    },
    { answer: new Error("reset"), expected: failed("reset") },
    {
      answer: status(307, { location: "https://elsewhere.example/" }),
      expected: failedForGood("it redirects what is no blob"),
    },
    {
      answer: status(401, { "www-authenticate": "Basic" }),
      expected: failedForGood("it wants a user and a password: it needs credentials"),
    },
    {
      answer: status(401, { "www-authenticate": 'Bearer realm="http://registry.example/"' }),
      expected: failed("the realm of its challenge, at registry.example, is not https:"),
    },
  ];
}
