/**
 * The projection of the map: equirectangular, without the polar regions.
 *
 * @module
 */

import type { Coordinates } from "../../locations/coordinates.ts";

const NORTH = 80;
const SOUTH = -56;
const PER_DEGREE = 2;

/** The width of the map. */
export const MAP_WIDTH: number = 360 * PER_DEGREE;

/** The height of the map. */
export const MAP_HEIGHT: number = (NORTH - SOUTH) * PER_DEGREE;

/** The point of a place on the map. */
export function project([latitude, longitude]: Coordinates): [x: number, y: number] {
  return [round((longitude + 180) * PER_DEGREE), round((NORTH - latitude) * PER_DEGREE)];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
