/**
 * Azure
 * (https://learn.microsoft.com/azure/virtual-network/service-tags-overview#service-tags-on-premises).
 *
 * @module
 */

import * as v from "valibot";
import type { Provider } from "../provider.ts";
import { list, object, parseJson, region, text } from "../published_json.ts";

const File = object({
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

// The file is published weekly, under a URL that contains the day.
const FILE_URL =
  /https:\/\/download\.microsoft\.com\/download\/[\w/-]+\/ServiceTags_Public_(\d{4})(\d\d)(\d\d)\.json/;

/** Azure. Its file contains no date. Of its tags, `AzureCloud.<region>` are the regions. */
export const azure: Provider<"azure"> = {
  name: "azure",
  fileName: "azure-service-tags.json",
  source: "https://www.microsoft.com/en-us/download/details.aspx?id=56519",
  tryLink: (page) => FILE_URL.exec(page)?.[0],
  parse(file) {
    const { values } = parseJson(file.text, File);
    const entries = values
      .filter(({ name, properties }) => name.startsWith("AzureCloud.") && properties.region !== "")
      .flatMap(({ properties }) =>
        properties.addressPrefixes.map((prefix) => [properties.region, prefix] as const)
      );
    const [, year, month, day] = FILE_URL.exec(file.source) ?? [];
    return { date: year === undefined ? undefined : `${year}-${month}-${day}`, entries };
  },
};
