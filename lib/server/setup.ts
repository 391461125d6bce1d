/**
 * What isolates serve by, and the numbers that mirrors and upstreams have in all that is
 * shared by isolates: one for as long as the program runs, whatever is reloaded.
 *
 * @module
 */

import type { Config } from "../config/config.ts";

/** What an isolate serves by. It can be sent to another isolate. */
export interface Setup {
  /** The configuration. */
  readonly config: Config;
  /** The data set's text; `undefined` for the embedded one. */
  readonly dataSet: string | undefined;
  /** The number of each mirror, in the order of the configuration. */
  readonly mirrors: readonly number[];
  /** The number of each upstream, in the order of the configuration. */
  readonly upstreams: readonly number[];
  /** How many isolates serve: each may ask that part of what the configuration allows. */
  readonly isolates: number;
}

/** A mirror that has a number. */
export interface NumberedMirror {
  /** Its number. */
  readonly number: number;
  /** Its name in the configuration. */
  readonly name: string;
  /** Its base URL. */
  readonly url: string;
}

/** Gives numbers. */
export interface Roster {
  /** The numbers of a configuration's mirrors and upstreams. */
  enter(config: Config): Pick<Setup, "mirrors" | "upstreams">;
  /** Every mirror that ever had a number; one with another URL is another one. */
  readonly mirrors: readonly NumberedMirror[];
  /** The names of all upstreams, by their numbers. */
  readonly upstreams: readonly string[];
}

/** Makes an empty roster. */
export function createRoster(): Roster {
  const mirrors: NumberedMirror[] = [];
  const upstreams: string[] = [];

  function numberMirror(name: string, url: string): number {
    const known = mirrors.find((mirror) => mirror.name === name && mirror.url === url);
    if (known !== undefined) return known.number;
    const number = mirrors.length;
    mirrors.push({ number, name, url });
    return number;
  }

  function numberUpstream(name: string): number {
    const known = upstreams.indexOf(name);
    return known < 0 ? upstreams.push(name) - 1 : known;
  }

  return {
    enter: (config) => ({
      mirrors: Object.entries(config.mirrors).map(([name, { url }]) => numberMirror(name, url)),
      upstreams: Object.keys(config.upstreams).map(numberUpstream),
    }),
    mirrors,
    upstreams,
  };
}
