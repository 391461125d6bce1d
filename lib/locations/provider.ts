/**
 * A provider: a cloud that publishes the prefixes of its regions.
 *
 * @module
 */

/** A provider's published file. */
export interface PublishedFile {
  /** The URL it is published at. */
  readonly source: string;
  /** Its content. */
  readonly text: string;
  /** The day it was published according to its server, `YYYY-MM-DD`, if known. */
  readonly date?: string | undefined;
}

/** A prefix and its region, as the provider writes them. */
export type Entry = readonly [region: string, prefix: string];

/**
 * The pattern of a region's name. It appears unquoted in the data set and in the module that
 * embeds it.
 */
export const REGION: RegExp = /^[A-Za-z0-9][A-Za-z0-9-]*$/;

/** The same as a description, for errors. */
export const REGION_ALLOWED: string = "a region's name, of letters, digits and -";

/** The content of a provider's file. */
export interface Published {
  /** The day the file was published, `YYYY-MM-DD`, if the file or its URL contains it. */
  readonly date?: string | undefined;
  /** The prefixes; duplicates are allowed. */
  readonly entries: readonly Entry[];
}

/** How to fetch and parse a provider's file. */
export interface Provider<Name extends string = string> {
  /** The cloud's name, the first part of its locations: `aws`. */
  readonly name: Name;
  /** The file name in a folder of published files. */
  readonly fileName: string;
  /** The URL of the file, or of a page that links to it. */
  readonly source: string;
  /** If the URL of the file changes: finds it in the page at `source`. */
  readonly tryLink?: (page: string) => string | undefined;
  /**
   * Parses the file. The caller validates regions, prefixes and the date.
   *
   * @throws {SyntaxError} when the text does not parse
   * @throws {TypeError} when it does not have the provider's format
   */
  readonly parse: (file: PublishedFile) => Published;
}
