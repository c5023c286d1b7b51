/**
 * What `--list-models` prints: the architectures and the formats that run.
 *
 * @module
 */
import { KNOWN_MODELS } from "../architectures/known_models.ts";
import { ARCHITECTURES } from "../architectures/registry.ts";
import { QUANT_METHODS, READABLE_FILES } from "../weights/readable_formats.ts";

/** Two tables: of architectures with models that have them, and of files with the formats they may hold. */
export function modelList(): string {
  const architectures = ARCHITECTURES.map(({ name, gguf, ownHeadPrefix }) => [
    name,
    gguf?.architecture ?? "-",
    ownHeadPrefix === undefined ? "-" : "MTP",
    KNOWN_MODELS.filter(({ architecture }) => architecture === name).map(({ id }) => id).join(", "),
  ]);
  const files = [
    ...READABLE_FILES.map(({ name, formats }) => [name, formats.join(" ")]),
    ["quantised safetensors", QUANT_METHODS.join(" ")],
  ];
  return [
    ...table([["ARCHITECTURE", "GGUF NAME", "OWN HEAD", "MODELS"], ...architectures]),
    "",
    ...table([["FILE", "FORMATS"], ...files]),
    "",
    "Any model of an architecture runs, whatever its size; docs/models.md says how much memory it takes.",
  ].join("\n");
}

/** Rows with their columns aligned. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
}
