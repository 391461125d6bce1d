/**
 * The providers' published files, made of the embedded data set.
 *
 * @module
 */

import { readDataSet } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";

/** A location's region and one of its prefixes. */
export type Entry = readonly [region: string, prefix: string];

/** The embedded prefixes of a provider. */
export function entriesOf(provider: string): Entry[] {
  const entries: Entry[] = [];
  let location = "";
  readDataSet(EMBEDDED, {
    location: (name) => void (location = name),
    prefix(address, length) {
      const [cloud, region] = location.split("/");
      if (cloud === provider) entries.push([region!, formatPrefix({ address, length })]);
    },
  });
  return entries;
}

/** The providers of those files. */
export const PUBLISHERS = ["aws", "gcp", "azure"] as const;

/** Writes a provider's file with some prefixes. */
export function formatPublished(provider: string, entries: readonly Entry[]): string {
  const isIpv6 = ([, prefix]: Entry) => prefix.includes(":");
  switch (provider) {
    case "aws":
      return JSON.stringify({
        createDate: "2026-08-01-00-00-00",
        prefixes: entries.filter((entry) => !isIpv6(entry))
          .map(([region, prefix]) => ({ ip_prefix: prefix, region, service: "AMAZON" })),
        ipv6_prefixes: entries.filter(isIpv6)
          .map(([region, prefix]) => ({ ipv6_prefix: prefix, region, service: "AMAZON" })),
      });
    case "gcp":
      return JSON.stringify({
        creationTime: "2026-08-02T00:00:00.000000",
        prefixes: entries.map((entry) => ({
          [isIpv6(entry) ? "ipv6Prefix" : "ipv4Prefix"]: entry[1],
          scope: entry[0],
        })),
      });
    case "oracle":
      return JSON.stringify({
        last_updated_timestamp: "2026-08-03T00:00:00.000000",
        regions: [...Map.groupBy(entries, ([region]) => region)].map(([region, prefixes]) => ({
          region,
          cidrs: prefixes.map(([, cidr]) => ({ cidr, tags: ["OCI"] })),
        })),
      });
    case "digitalocean":
      return formatGeofeed(entries);
    case "linode":
      return `# Last modified: 2026-08-04 00:00:00.000000\n${formatGeofeed(entries)}`;
    case "vultr":
      return JSON.stringify({
        updated: "2026-08-05T00:00:00-05:00",
        subnets: entries.map(([region, ip_prefix]) => {
          const [country, city] = placeOf(region);
          return { ip_prefix, alpha2code: country, city };
        }),
      });
    case "exoscale":
      return JSON.stringify({
        creationTime: "2026-08-06T00:00:00.000000+00:00",
        prefixes: entries.map((entry) => ({
          [isIpv6(entry) ? "IPv6Prefix" : "IPv4Prefix"]: entry[1],
          zone: entry[0],
        })),
      });
    default: {
      const regions = Map.groupBy(entries, ([region]) => region);
      return JSON.stringify({
        values: [...regions].map(([region, prefixes]) => ({
          name: `AzureCloud.${region}`,
          properties: { region, addressPrefixes: prefixes.map(([, prefix]) => prefix) },
        })),
      });
    }
  }
}

/** The country and the city of a region: `de-frankfurt`. */
function placeOf(region: string): [country: string, city: string] {
  return [region.slice(0, 2).toUpperCase(), region.slice(3)];
}

function formatGeofeed(entries: readonly Entry[]): string {
  return entries.map(([region, prefix]) => {
    const [country, city] = placeOf(region);
    return `${prefix},${country},,${city},\n`;
  }).join("");
}

/** The files by the names they have in a folder. */
export function publishedFiles(): Record<string, string> {
  return {
    "aws-ip-ranges.json": formatPublished("aws", entriesOf("aws")),
    "gcp-cloud.json": formatPublished("gcp", entriesOf("gcp")),
    "azure-service-tags.json": formatPublished("azure", entriesOf("azure")),
  };
}
