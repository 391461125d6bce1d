/**
 * The part of a configuration that is about filling mirrors.
 *
 * @module
 */

/** How a mirror is written to: a bucket or a folder. */
export interface StoreConfig {
  /** A bucket. */
  readonly s3?: S3Config | undefined;
  /** The path of a folder. */
  readonly folder?: string | undefined;
  /** The template of where a blob is in it (`fill/key.ts`); by default the path of the mirror's URL. */
  readonly key?: string | undefined;
}

/** A bucket of S3, or of anything that speaks its protocol. */
export interface S3Config {
  /** The URL of the service. */
  readonly endpoint: string;
  /** The region to sign requests for. */
  readonly region: string;
  /** The bucket's name. */
  readonly bucket: string;
  /** Whether the bucket's name stands in the path, or before the host. */
  readonly style: "path" | "virtual";
  /** The id of the account that the bucket must belong to. */
  readonly expected_owner?: string | undefined;
}

/** What is copied into the stores of mirrors. */
export interface FillConfig {
  /** Names of repositories, as clients use them, or beginnings of names and a `*`. */
  readonly repositories: readonly string[];
  /** Which tags: those that any of these takes. */
  readonly tags: readonly TagsConfig[];
  /** Whether signatures, attestations and other referrers are copied. */
  readonly referrers: boolean;
  /** The path of the folder that state is kept in. */
  readonly state?: string | undefined;
  /** The limits for each host. */
  readonly limits: FillLimitsConfig;
}

/** Tags: a pattern, the newest versions, or a range of versions. */
export type TagsConfig =
  | string
  | { readonly newest: number }
  | { readonly semver: string };

/** The limits for each host. */
export interface FillLimitsConfig {
  /** The most requests at once. */
  readonly in_flight: number;
  /** The most requests that begin in a second. */
  readonly requests_per_s: number;
  /** The most bytes in a second, in either direction; `null` for no limit. */
  readonly bytes_per_s: number | null;
}
