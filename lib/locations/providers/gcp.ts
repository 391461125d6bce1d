/**
 * Google Cloud
 * (https://cloud.google.com/vpc/docs/configure-private-google-access#ip-addr-defaults).
 *
 * @module
 */

import * as v from "valibot";
import type { Provider } from "../provider.ts";
import { list, object, parseJson, region, text, time } from "../published_json.ts";

const File = object({
  creationTime: time("a time, YYYY-MM-DDThh:mm:ss", /^\d{4}-\d\d-\d\dT/),
  prefixes: list(v.pipe(
    object({ scope: region, ipv4Prefix: v.optional(text), ipv6Prefix: v.optional(text) }),
    v.check(
      ({ ipv4Prefix, ipv6Prefix }) => (ipv4Prefix ?? ipv6Prefix) !== undefined,
      "an object that has ipv4Prefix or ipv6Prefix",
    ),
  )),
});

/** Google Cloud. Its file lists the prefixes of both families together. */
export const gcp: Provider<"gcp"> = {
  name: "gcp",
  fileName: "gcp-cloud.json",
  source: "https://www.gstatic.com/ipranges/cloud.json",
  parse(file) {
    const { creationTime, prefixes } = parseJson(file.text, File);
    const entries = prefixes.flatMap(({ scope, ipv4Prefix, ipv6Prefix }) =>
      [ipv4Prefix, ipv6Prefix]
        .filter((prefix) => prefix !== undefined)
        .map((prefix) => [scope, prefix] as const)
    );
    return { date: creationTime.slice(0, 10), entries };
  },
};
