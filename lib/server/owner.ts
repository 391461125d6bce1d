/**
 * The owner of the setup in use. Everything else reads the setup from here.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { listLocations } from "../locations/data_set.ts";
import { createLocationNumbers, type LocationNumbers } from "../observe/located.ts";
import type { Numbering, Setup, SetupFiles } from "../redirect/setup.ts";

/** Holds the setup in use, and replaces it. */
export interface SetupOwner {
  /** The setup in use. */
  current(): Setup;
  /** Makes all isolates serve by another configuration; resolves once they do. */
  takeConfig(config: Config, files?: SetupFiles): Promise<void>;
  /** Makes all isolates serve by another data set; resolves once they do. */
  takeDataSet(dataSet: string): Promise<void>;
}

/** What the owner needs. */
export interface SetupOwnerOptions {
  /** Assigns numbers to mirrors and upstreams. */
  readonly numbering: Numbering;
  /** The first configuration. */
  readonly config: Config;
  /** What its files say. */
  readonly files?: SetupFiles | undefined;
  /** How many isolates serve. */
  readonly isolates: number;
  /** Numbers the locations of a configuration and a data set, `undefined` for the embedded one. */
  readonly numberLocations: (config: Config, dataSet: string | undefined) => LocationNumbers;
  /** Applies a setup in the main isolate; rejects when it cannot be used. */
  readonly tryOut: (setup: Setup) => Promise<void>;
  /** Makes the other isolates serve by the setup in use; resolves once they do. */
  readonly spread: () => Promise<void>;
  /** Called once a setup is in use. */
  readonly onTaken: (setup: Setup) => void;
}

/** Makes the owner of a first setup. The caller must make changes one after another. */
export function createSetupOwner(options: SetupOwnerOptions): SetupOwner {
  const { numbering, numberLocations, config, files, isolates, tryOut, spread, onTaken } = options;
  let inUse: Setup = {
    config,
    ...files,
    dataSet: undefined,
    ...numbering.enter(config),
    isolates,
    locations: numberLocations(config, undefined),
  };

  async function take(next: Setup): Promise<void> {
    try {
      await tryOut(next);
    } catch (error) {
      numbering.keep(inUse);
      throw error;
    }
    inUse = next;
    await spread();
    numbering.keep(next);
    onTaken(next);
  }

  return {
    current: () => inUse,
    takeConfig: (config, { lists, credentials } = {}) =>
      take({
        ...inUse,
        config,
        lists,
        credentials,
        ...numbering.enter(config),
        locations: numberLocations(config, inUse.dataSet),
      }),
    takeDataSet: (dataSet) =>
      take({ ...inUse, dataSet, locations: numberLocations(inUse.config, dataSet) }),
  };
}

/** Numbers the locations of a configuration and of a data set, by default the embedded one. */
export function createSetupLocations(embedded: string): SetupOwnerOptions["numberLocations"] {
  const numberLocations = createLocationNumbers();
  return ({ locations }, dataSet = embedded) =>
    numberLocations([...listLocations(dataSet), ...Object.keys(locations)]);
}
