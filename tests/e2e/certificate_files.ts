/**
 * One certificate, for everything here that serves over TLS.
 *
 * @module
 */

import { createCertificate } from "../server/certificate.ts";

/** A certificate and its key, as PEM and in files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** A folder with the certificate alone, for clients that are told a folder. */
  readonly folder: string;
}

/** Makes a certificate for 127.0.0.1 and other hosts, and writes it into a folder. */
export async function createCertificateFiles(
  path: string,
  hosts: readonly string[] = [],
): Promise<CertificateFiles> {
  const folder = `${path}/trusted`;
  const files = { folder, certFile: `${folder}/archeio.crt`, keyFile: `${path}/archeio.pem` };
  const certificate = await createCertificate(hosts);
  await Deno.mkdir(folder);
  await Deno.writeTextFile(files.certFile, certificate.cert);
  await Deno.writeTextFile(files.keyFile, certificate.key);
  return { ...certificate, ...files };
}
