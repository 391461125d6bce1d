/**
 * AWS (https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html).
 *
 * @module
 */

import type { Provider } from "../provider.ts";
import { list, object, parseJson, region, text, time } from "../published_json.ts";

const File = object({
  createDate: time("a time, YYYY-MM-DD-hh-mm-ss", /^\d{4}-\d\d-\d\d-/),
  prefixes: list(object({ ip_prefix: text, region })),
  ipv6_prefixes: list(object({ ipv6_prefix: text, region })),
});

/** AWS. Its file lists a prefix once for each service that uses it. */
export const aws: Provider<"aws"> = {
  name: "aws",
  fileName: "aws-ip-ranges.json",
  source: "https://ip-ranges.amazonaws.com/ip-ranges.json",
  parse(file) {
    const { createDate, prefixes, ipv6_prefixes } = parseJson(file.text, File);
    return {
      date: createDate.slice(0, 10),
      entries: [
        ...prefixes.map(({ region, ip_prefix }) => [region, ip_prefix] as const),
        ...ipv6_prefixes.map(({ region, ipv6_prefix }) => [region, ipv6_prefix] as const),
      ],
    };
  },
};
