/**
 * The list of providers, used by the configuration's schema, `archeio ranges` and the tests.
 * To add a cloud, add a file to `providers/` and an entry here.
 *
 * @module
 */

import type { Provider } from "./provider.ts";
import { aws } from "./providers/aws.ts";
import { azure } from "./providers/azure.ts";
import { digitalocean } from "./providers/digitalocean.ts";
import { exoscale } from "./providers/exoscale.ts";
import { gcp } from "./providers/gcp.ts";
import { linode } from "./providers/linode.ts";
import { oracle } from "./providers/oracle.ts";
import { vultr } from "./providers/vultr.ts";

/** The providers, in the order of the data set. */
export const PROVIDERS = [
  aws,
  gcp,
  azure,
  oracle,
  digitalocean,
  linode,
  vultr,
  exoscale,
] as const satisfies readonly Provider[];

/** The name of a provider. */
export type ProviderName = typeof PROVIDERS[number]["name"];
