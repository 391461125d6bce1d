/**
 * Real clients pull through archeio from registries that want a token: docker, BuildKit,
 * podman, skopeo, containerd and curl. The stores' logs say who served what.
 *
 * @module
 */

import {
  pullHidden,
  pullSlowly,
  pullWithoutTokens,
  pullWithoutUpstream,
} from "./relay/failures.ts";
import { listTags, pullSignatures } from "./relay/lists.ts";
import { pullEverywhere } from "./relay/pulls.ts";
import { setRelayStage } from "./relay/stage.ts";

Deno.test("every client pulls through a relaying upstream", async (test) => {
  await using stage = await setRelayStage();
  await pullEverywhere(stage, test);
  await listTags(stage, test);
  await pullSignatures(stage, test);
  await pullWithoutUpstream(stage, test);
  await pullWithoutTokens(stage, test);
  await pullSlowly(stage, test);
  await pullHidden(stage, test);
});
