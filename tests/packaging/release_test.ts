/** What a release is made of: notes, checksums, the bill of materials, the image's labels. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
// What the validator finds by these names.
import "ajv";
import "ajv-formats";
import "ajv-formats-draft2019";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { FILES, formatChecksums, writeChecksums } from "../../.ci/release/checksums.ts";
import { argumentsFor, baseOf, labelsOf } from "../../.ci/release/image.ts";
import { checkTag, readNotes } from "../../.ci/release/notes.ts";
import { formatBill, listPackages } from "../../.ci/release/sbom.ts";
import { TARGETS, VERSION } from "../../.ci/release/targets.ts";
import metadata from "../../deno.json" with { type: "json" };

const CHANGELOG = Deno.readTextFileSync(new URL("../../docs/CHANGELOG.md", import.meta.url));
const DOCKERFILE = Deno.readTextFileSync(new URL("../../Dockerfile", import.meta.url));

Deno.test("the version stands in deno.json, and the changelog's newest is it", () => {
  const versions = [...CHANGELOG.matchAll(/^## \[(\d\S+)\] - /gm)].map(([, version]) => version!);
  assertEquals(versions[0], metadata.version);
  assert(!DOCKERFILE.includes(metadata.version));
});

Deno.test("readNotes() gives what the changelog says of a version, or throws", () => {
  const changelog = `# Changelog

## [Unreleased]

## [0.2.0] - 2026-11-25

### Added

- This.

## [0.1.0] - soon

- That.

## [0.0.1] - 2026-01-01

`;
  assertEquals(readNotes(changelog, "0.2.0"), "### Added\n\n- This.\n");
  const table = [
    { asked: "0.3.0", expected: "the changelog has no version 0.3.0" },
    { asked: "0.1.0", expected: '"[0.1.0] - soon" is not [0.1.0] and a day' },
    { asked: "0.0.1", expected: "the changelog says nothing of 0.0.1" },
  ];
  for (const { asked, expected } of table) {
    assertThrows(() => readNotes(changelog, asked), Error, expected);
  }
  assertStringIncludes(readNotes(CHANGELOG, VERSION), "### Added\n");
});

Deno.test("a tag must be that of the version", () => {
  checkTag("v1.2.3", "1.2.3");
  for (const tag of ["1.2.3", "v1.2.4", "v1.2.3-rc.1", "main"]) {
    assertThrows(() => checkTag(tag, "1.2.3"), Error, tag);
  }
});

Deno.test("checksums are those of sha256sum, of all files but their own", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/b`, "abc");
    await Deno.writeTextFile(`${folder}/a`, "");
    await writeChecksums(folder);
    const expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n" +
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n";
    assertEquals(await Deno.readTextFile(`${folder}/SHA256SUMS`), expected);
    await writeChecksums(folder);
    assertEquals(await Deno.readTextFile(`${folder}/SHA256SUMS`), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assertEquals(await formatChecksums(new Map()), "");
});

Deno.test("the bill of materials is valid CycloneDX, and has what the program is made of", async () => {
  const packages = await listPackages();
  const names = packages.map(({ name }) => name);
  for (const name of ["valibot", "ipaddr.js", "@logtape/logtape"]) assert(names.includes(name));
  for (const name of ["fast-check", "ajv"]) assert(!names.includes(name), name);
  const text = formatBill(packages, "2.9.6");
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  assertEquals(await validator.validate(text), null);
  const { metadata: { component }, components, dependencies } = JSON.parse(text);
  assertEquals([component.name, component.version], ["archeio", metadata.version]);
  assertEquals(components.length, packages.length + 1);
  assertEquals(
    dependencies.find(({ ref }: { ref: string }) => ref === component["bom-ref"]).dependsOn.length,
    components.length,
  );
  const valibot = components.find(({ name }: { name: string }) => name === "valibot");
  assertMatch(valibot.hashes[0].content, /^[0-9a-f]{128}$/);
  assertEquals(valibot.licenses, [{ license: { id: "MIT" } }]);
  assertEquals(formatBill(packages, "2.9.6"), text);
});

Deno.test("the image is built from digests, and labelled with where it comes from", () => {
  const origin = {
    revision: "0123456789abcdef0123456789abcdef01234567",
    source: "https://git.example/acme/archeio",
    created: "2026-11-25T10:00:00+00:00",
  };
  const labels = labelsOf(DOCKERFILE, origin);
  assertMatch(labels["org.opencontainers.image.base.digest"], /^sha256:[0-9a-f]{64}$/);
  assertEquals(
    labels["org.opencontainers.image.base.name"],
    "gcr.io/distroless/cc-debian12:nonroot",
  );
  assertEquals(labels["org.opencontainers.image.version"], metadata.version);
  const args = argumentsFor(labels, "registry.example/acme/archeio");
  const line = args.join(" ");
  for (
    const part of [
      "--platform linux/amd64,linux/arm64",
      "--provenance=mode=max --sbom=true",
      `--label org.opencontainers.image.revision=${origin.revision}`,
      `--annotation index,manifest:org.opencontainers.image.source=${origin.source}`,
      `--tag registry.example/acme/archeio:${metadata.version} --push .`,
    ]
  ) assertStringIncludes(line, part);
  assertStringIncludes(argumentsFor(labels).join(" "), " --output type=oci,dest=dist/image.tar .");
  assertThrows(() => baseOf("FROM a.example/b:1\n"), Error, "a.example/b:1 has no digest");
});

Deno.test("a release has a program for each target", () => {
  assertEquals(Object.values(TARGETS).toSorted(), [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-gnu",
  ]);
  for (const name of Object.keys(TARGETS)) assert(FILES.includes(name));
});
