/**
 * Writes the bill of materials of the program, as CycloneDX has it
 * (https://cyclonedx.org/docs/1.6/json/): the packages that its modules come from, with the
 * hashes in `deno.lock`, and the runtime that is compiled in.
 *
 * @module
 */

import * as cyclonedx from "@cyclonedx/cyclonedx-library";
import metadata from "../../deno.json" with { type: "json" };
import { FOLDER, ROOT, VERSION } from "./targets.ts";

const { Enums, Models, Serialize, Spec } = cyclonedx;

/** A package of npm that the program has modules of. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** As npm writes it: `sha512-<base64>`. */
  readonly integrity: string;
  /** An expression of SPDX, as the package states it. */
  readonly license: string;
}

/** What of `deno info --json` is read. */
interface Info {
  readonly modules: readonly { readonly kind: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<string, {
      readonly name: string;
      readonly version: string;
      readonly dependencies: readonly string[];
      readonly registryUrl: string;
    }>
  >;
}

async function readInfo<T>(...files: string[]): Promise<T> {
  const args = ["info", "--json", ...files];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The packages that the program's modules come from, and those that they depend on. */
export async function listPackages(): Promise<Package[]> {
  const { modules, npmPackages } = await readInfo<Info>("main.ts");
  const { npmCache } = await readInfo<{ readonly npmCache: string }>();
  const { npm: locked } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const found = new Set<string>();
  const add = (id: string) => {
    if (found.has(id)) return;
    found.add(id);
    npmPackages[id]!.dependencies.forEach(add);
  };
  for (const { npmPackage } of modules) if (npmPackage !== undefined) add(npmPackage);
  return await Promise.all(
    [...found].toSorted().map(async (id) => {
      const { name, version, registryUrl } = npmPackages[id]!;
      const folder = `${npmCache}/${new URL(registryUrl).hostname}/${name}/${version}`;
      const { license } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
      return { name, version, integrity: locked[id].integrity, license };
    }),
  );
}

const ALGORITHMS: Readonly<Record<string, cyclonedx.Enums.HashAlgorithm>> = {
  sha512: Enums.HashAlgorithm["SHA-512"],
};

function componentOf({ name, version, integrity, license }: Package): cyclonedx.Models.Component {
  const [algorithm, base64] = integrity.split("-") as [string, string];
  const [group, own] = name.startsWith("@") ? name.split("/") : [undefined, name];
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const component = new Models.Component(Enums.ComponentType.Library, own!, {
    ...group !== undefined && { group },
    version,
    purl,
    bomRef: purl,
  });
  component.hashes.set(ALGORITHMS[algorithm]!, Uint8Array.fromBase64(base64).toHex());
  component.licenses.add(new Models.SpdxLicense(license));
  return component;
}

/** The bill of materials, as JSON. The same packages give the same text. */
export function formatBill(packages: readonly Package[], deno: string): string {
  const program = new Models.Component(Enums.ComponentType.Application, "archeio", {
    version: VERSION,
    bomRef: `archeio@${VERSION}`,
  });
  program.licenses.add(new Models.SpdxLicense(metadata.license));
  const runtime = new Models.Component(Enums.ComponentType.Platform, "deno", {
    version: deno,
    purl: `pkg:github/denoland/deno@v${deno}`,
    bomRef: `deno@${deno}`,
  });
  runtime.licenses.add(new Models.SpdxLicense("MIT"));
  const bill = new Models.Bom({ metadata: new Models.Metadata({ component: program }) });
  for (const component of [runtime, ...packages.map(componentOf)]) {
    bill.components.add(component);
    program.dependencies.add(component.bomRef);
  }
  const normalizers = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const serializer = new Serialize.JsonSerializer(normalizers);
  return `${serializer.serialize(bill, { sortLists: true, space: 2 })}\n`;
}

if (import.meta.main) {
  await Deno.mkdir(FOLDER, { recursive: true });
  const bill = formatBill(await listPackages(), Deno.version.deno);
  await Deno.writeTextFile(`${FOLDER}/archeio.cdx.json`, bill);
}
