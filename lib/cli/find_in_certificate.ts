/**
 * What is to be changed about the certificate that is listened with.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { createFindings, type Finding } from "../findings/finding.ts";
import { reasonOf } from "./load_config.ts";
import { readTlsFiles } from "./reread.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 14;

/** The findings about `listen.tls`: one, or none without it. */
export async function findInCertificate(config: Config, nowMs: number): Promise<Finding[]> {
  const tls = readTlsFiles(config);
  if (tls === undefined) return [];
  const { good, warning, bad } = createFindings("listen.tls");
  // Loaded here because nothing else needs it.
  const { createPrivateKey, createPublicKey, X509Certificate } = await import("node:crypto");
  const form = { type: "spki", format: "der" } as const;
  try {
    const certificate = new X509Certificate(tls.cert);
    const own = createPublicKey(createPrivateKey(tls.key)).export(form);
    const until = new Date(certificate.validTo);
    const day = until.toISOString().slice(0, 10);
    const days = Math.floor((until.getTime() - nowMs) / DAY_MS);
    if (!own.equals(certificate.publicKey.export(form))) {
      return [bad("has a key that is not that of its certificate", "write the key of cert in key")];
    }
    if (days < 0) return [bad(`expired on ${day}`, "renew it, and send SIGHUP")];
    if (days < SOON_DAYS) return [warning(`expires on ${day}`, "renew it, and send SIGHUP")];
    return [good(`is valid until ${day}`)];
  } catch (error) {
    return [bad(`cannot be read: ${reasonOf(error)}`, "write files in the PEM format")];
  }
}
