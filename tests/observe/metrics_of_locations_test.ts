import { assert, assertEquals } from "@std/assert";
import {
  addLocated,
  createLocated,
  createLocatedMemory,
  createLocationNumbers,
  LOCATION_NUMBERS,
} from "../../lib/observe/located.ts";
import { locationFamily, splitLocation } from "../../lib/observe/metrics_of_locations.ts";
import { readMetrics, valueOf } from "./prometheus.ts";

const NAME = "archeio_location_redirects_total";

Deno.test("metrics have the locations that clients came from, by cloud and region", () => {
  const names = ["aws/eu-west-3", "gcp/europe-west9"];
  const numbers = createLocationNumbers()(names);
  const memory = createLocatedMemory();
  const located = createLocated(memory, names, numbers);
  located.toMirror(0, true);
  located.toMirror(0, false);
  located.toUpstream(0, "missing");
  located.toUpstream(undefined, "registry");
  const family = locationFamily({ located: addLocated([memory], numbers), locations: names });
  const families = readMetrics(family);
  const labels = { cloud: "aws", region: "eu-west-3" };
  assertEquals(valueOf(families, NAME, { ...labels, to: "mirror" }), 2);
  assertEquals(valueOf(families, NAME, { ...labels, to: "upstream" }), 1);
  // There from the start, and nothing of a location without clients.
  assertEquals(valueOf(families, NAME, { cloud: "none", region: "none", to: "mirror" }), 0);
  assertEquals(families.get(NAME)!.samples.length, 4);
});

Deno.test("as many series as there are locations are the most", () => {
  const names = Array.from({ length: LOCATION_NUMBERS + 10 }, (_, at) => `cloud/region-${at}`);
  const numbers = createLocationNumbers()(names);
  const memory = createLocatedMemory();
  const located = createLocated(memory, names, numbers);
  for (const at of names.keys()) located.toMirror(at, false);
  const text = locationFamily({
    located: addLocated([memory], numbers),
    locations: [...numbers.keys()],
  });
  const { samples } = readMetrics(text).get(NAME)!;
  assertEquals(samples.length, 2 * (LOCATION_NUMBERS + 2));
  assert(samples.some(({ labels, value }) => labels.cloud === "other" && value === 10));
});

Deno.test("splitLocation() splits at the first slash", () => {
  assertEquals(splitLocation("aws/eu-west-3"), ["aws", "eu-west-3"]);
});
