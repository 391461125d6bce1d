/**
 * What is asked of each client.
 *
 * @module
 */

import type { CertificateFiles } from "../certificate_files.ts";
import type { Image } from "../read_image.ts";

/** A way into archeio. */
export interface Entrance {
  /** Where clients that come this way are. */
  readonly location: string;
  /** `host:port`. */
  readonly host: string;
  /** What they trust, where archeio serves over TLS. */
  readonly tls?: CertificateFiles;
}

/** A client. */
export interface Client {
  /** Its name in the table. */
  readonly name: string;
  /**
   * Pulls all platforms of an image, and forgets it again.
   *
   * @param reference `:<tag>` or `@<digest>`
   * @returns the digest that the client says the image has
   */
  pull(from: Entrance, image: Pick<Image, "name">, reference: string): Promise<string>;
}
