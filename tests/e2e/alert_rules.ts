/**
 * The alert rules that README.md offers.
 *
 * @module
 */

/** The text of the block of README.md that is `alerts.yaml`. */
export async function readAlertRules(): Promise<string> {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const block = /^```yaml\n(# alerts\.yaml\n[\s\S]*?)^```$/m.exec(readme)?.[1];
  if (block === undefined) throw new Error("README.md has no block that is alerts.yaml");
  return block;
}
