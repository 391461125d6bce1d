/**
 * The files in which the providers publish their prefixes.
 *
 * | provider | its description of the file |
 * |---|---|
 * | AWS | https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html |
 * | GCP | https://cloud.google.com/vpc/docs/configure-private-google-access#ip-addr-defaults |
 * | Azure | https://learn.microsoft.com/azure/virtual-network/service-tags-overview#service-tags-on-premises |
 *
 * @module
 */

import * as v from "valibot";
import { formatPrefix, parsePrefix, type Prefix } from "../net/prefix.ts";
import type { ProviderRanges } from "./data_set.ts";

/** A provider's published file, as it was got. */
export interface PublishedFile {
  /** Where it is published. */
  readonly source: string;
  /** What stands in it, JSON. */
  readonly text: string;
  /** The day to give when the file itself names none: `YYYY-MM-DD`. */
  readonly date: string;
}

/** The clouds whose prefixes are known. */
export type ProviderName = "aws" | "gcp" | "azure";

/** How to get and to read one provider's file. */
export interface Provider {
  /** The cloud's name, the first part of its locations. */
  readonly name: ProviderName;
  /** The name that the file has in a folder. */
  readonly fileName: string;
  /** Where the file is published, or the page that links to it. */
  readonly source: string;
  /** For a file whose address changes: finds the address in the page at `source`. */
  readonly tryLink?: (page: string) => string | undefined;
  /**
   * Reads the file.
   *
   * @throws {SyntaxError} when it is no JSON, or a prefix in it is none
   * @throws {TypeError} when it has not the provider's form
   * @throws {RangeError} when a prefix has two regions, or bits past its length set
   */
  readonly parse: (file: PublishedFile) => ProviderRanges;
}

// Locations stand in the data set, and in the module that holds it, as they are.
const REGION = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
const text = v.string("text");
const region = v.pipe(text, v.regex(REGION, "a region's name, of letters, digits and -"));

function time(allowed: string, pattern: RegExp) {
  return v.pipe(text, v.regex(pattern, allowed));
}

function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.object(entries, "an object");
}

function list<const Item extends v.GenericSchema>(item: Item) {
  return v.pipe(v.array(item, "a list"), v.nonEmpty("at least one entry"));
}

const AwsFile = object({
  createDate: time("a time, YYYY-MM-DD-hh-mm-ss", /^\d{4}-\d\d-\d\d-/),
  prefixes: list(object({ ip_prefix: text, region })),
  ipv6_prefixes: list(object({ ipv6_prefix: text, region })),
});

const GcpFile = object({
  creationTime: time("a time, YYYY-MM-DDThh:mm:ss", /^\d{4}-\d\d-\d\dT/),
  prefixes: list(v.pipe(
    object({ scope: region, ipv4Prefix: v.optional(text), ipv6Prefix: v.optional(text) }),
    v.check(
      ({ ipv4Prefix, ipv6Prefix }) => (ipv4Prefix ?? ipv6Prefix) !== undefined,
      "an object that has ipv4Prefix or ipv6Prefix",
    ),
  )),
});

const AzureFile = object({
  values: list(object({
    name: text,
    properties: object({
      region: v.union(
        [v.literal(""), region],
        "a region's name, of letters, digits and -, or none",
      ),
      addressPrefixes: v.array(text, "a list"),
    }),
  })),
});

/** The providers whose prefixes are embedded. */
export const PROVIDERS: readonly Provider[] = [
  {
    name: "aws",
    fileName: "aws-ip-ranges.json",
    source: "https://ip-ranges.amazonaws.com/ip-ranges.json",
    parse(file) {
      const { createDate, prefixes, ipv6_prefixes } = parseJson("aws", file, AwsFile);
      return collect("aws", file.source, createDate.slice(0, 10), [
        ...prefixes.map((entry) => [entry.region, entry.ip_prefix] as const),
        ...ipv6_prefixes.map((entry) => [entry.region, entry.ipv6_prefix] as const),
      ]);
    },
  },
  {
    name: "gcp",
    fileName: "gcp-cloud.json",
    source: "https://www.gstatic.com/ipranges/cloud.json",
    parse(file) {
      const { creationTime, prefixes } = parseJson("gcp", file, GcpFile);
      const entries = prefixes.flatMap(({ scope, ipv4Prefix, ipv6Prefix }) =>
        [ipv4Prefix, ipv6Prefix]
          .filter((prefix) => prefix !== undefined)
          .map((prefix) => [scope, prefix] as const)
      );
      return collect("gcp", file.source, creationTime.slice(0, 10), entries);
    },
  },
  {
    name: "azure",
    fileName: "azure-service-tags.json",
    source: "https://www.microsoft.com/en-us/download/details.aspx?id=56519",
    tryLink: (page) => AZURE_FILE.exec(page)?.[0],
    parse(file) {
      const { values } = parseJson("azure", file, AzureFile);
      const entries = values
        .filter(({ name, properties }) =>
          name.startsWith("AzureCloud.") && properties.region !== ""
        )
        .flatMap(({ properties }) =>
          properties.addressPrefixes.map((prefix) => [properties.region, prefix] as const)
        );
      if (entries.length === 0) {
        throw new TypeError("Cannot read azure's file: it has no AzureCloud.<region> tag");
      }
      const [, year, month, day] = AZURE_FILE.exec(file.source) ?? [];
      const date = year === undefined ? file.date : `${year}-${month}-${day}`;
      return collect("azure", file.source, date, entries);
    },
  },
];

// The file is published each week under an address of that day.
const AZURE_FILE =
  /https:\/\/download\.microsoft\.com\/download\/[\w/-]+\/ServiceTags_Public_(\d{4})(\d\d)(\d\d)\.json/;

function parseJson<Output>(
  provider: string,
  { text }: PublishedFile,
  schema: v.GenericSchema<unknown, Output>,
): Output {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`Cannot read ${provider}'s file: it is no JSON`, { cause });
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "the whole file";
  const mistake = issue.received === "undefined"
    ? `${path} is missing`
    : `${path}: found ${issue.received}, allowed: ${issue.message}`;
  throw new TypeError(`Cannot read ${provider}'s file: ${mistake}`);
}

function collect(
  provider: string,
  source: string,
  date: string,
  entries: readonly (readonly [region: string, prefix: string])[],
): ProviderRanges {
  const regions = new Map<string, string>();
  const locations = new Map<string, Prefix[]>();
  for (const [region, text] of entries) {
    const prefix = parsePrefix(text);
    const key = formatPrefix(prefix);
    const held = regions.get(key);
    // AWS lists a prefix once for each service that uses it.
    if (held === region) continue;
    if (held !== undefined) {
      throw new RangeError(
        `Cannot read ${provider}'s file: ${key} has two regions, ${held} and ${region}`,
      );
    }
    regions.set(key, region);
    const location = `${provider}/${region}`;
    const prefixes = locations.get(location);
    if (prefixes === undefined) locations.set(location, [prefix]);
    else prefixes.push(prefix);
  }
  return { provider, source, date, locations };
}
