import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { countPlaces, createPlaces, createPlacesMemory } from "../../lib/mirrors/places.ts";

const SERVERS = 3;

Deno.test("places are counted over all isolates, for each server and together", () => {
  const step = fc.record({
    isolate: fc.nat({ max: 2 }),
    server: fc.nat({ max: SERVERS - 1 }),
    places: fc.constantFrom(1 as const, -1 as const),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
    const memory = createPlacesMemory(3, SERVERS);
    const isolates = [0, 1, 2].map((slot) => createPlaces(memory, slot, SERVERS));
    const counts = [0, 0, 0];
    for (const { isolate, server, places } of steps) {
      isolates[isolate]!.add(server, places);
      counts[server]! += places;
      for (const one of isolates) {
        assertEquals([0, 1, 2].map(one.of), counts);
        assertEquals(one.total(), counts[0]! + counts[1]! + counts[2]!);
      }
      assertEquals(countPlaces(memory, SERVERS), isolates[0]!.total());
    }
  }));
});

Deno.test("an isolate that starts anew gives back the places of the one before, and no others", () => {
  const memory = createPlacesMemory(2, SERVERS);
  assert(memory instanceof SharedArrayBuffer);
  const [first, second] = [0, 1].map((slot) => createPlaces(memory, slot, SERVERS));
  first!.add(0, 1);
  first!.add(2, 1);
  second!.add(2, 1);
  const next = createPlaces(memory, 0, SERVERS);
  assertEquals([next.total(), next.of(0), next.of(2)], [1, 0, 1]);
});
