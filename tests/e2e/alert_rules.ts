/**
 * The alert rules that docs/operation.md offers.
 *
 * @module
 */

/** The text of the block of docs/operation.md that is `alerts.yaml`. */
export async function readAlertRules(): Promise<string> {
  const page = await Deno.readTextFile(new URL("../../docs/operation.md", import.meta.url));
  const block = /^```yaml\n(# alerts\.yaml\n[\s\S]*?)^```$/m.exec(page)?.[1];
  if (block === undefined) throw new Error("docs/operation.md has no block that is alerts.yaml");
  return block;
}
