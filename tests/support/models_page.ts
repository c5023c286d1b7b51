/**
 * The page docs/models.md, from the descriptors of architectures, the table of formats and what memory is counted:
 * `deno run -A tests/support/models_page.ts` writes it.
 *
 * @module
 */
import { join } from "node:path";
import { KNOWN_MODELS, type KnownModel } from "../../runtime/architectures/known_models.ts";
import { modelTensors } from "../../runtime/architectures/model_tensors.ts";
import { architectureOf, ARCHITECTURES } from "../../runtime/architectures/registry.ts";
import type { Checkpoint, TensorSource } from "../../runtime/contracts/checkpoint.ts";
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import { memoryNeeds } from "../../runtime/engine/memory_needs.ts";
import { blockOf } from "../../runtime/tensor_files/formats.ts";
import { QUANT_METHODS, READABLE_FILES } from "../../runtime/weights/readable_formats.ts";

/** The page. */
export const MODELS_PAGE: string = join(import.meta.dirname!, "..", "..", "docs", "models.md");

const GIGABYTE = 2 ** 30;
/** Tokens of the contexts that the page counts. */
const CONTEXT = 4096;
/** What a server with default flags has on a CPU. */
const SERVER = {
  device: "cpu",
  dtype: "auto",
  kvDtype: "bfloat16",
  pageSize: 16,
  contextLength: CONTEXT,
  maxRows: 256 + 32,
  maxOutputs: 64,
  maxRunningRequests: 32,
  maxNodes: 0,
} as const;
const COMMAND = "deno run -A serve.ts";

/** Formats in order of their size. */
const FORMATS: readonly StorageFormat[] = [...new Set(READABLE_FILES.flatMap(({ formats }) => formats))]
  .toSorted((a, b) => bytesPerNumber(b) - bytesPerNumber(a) || a.localeCompare(b));

const runnable = ARCHITECTURES.flatMap(({ name }) => knownOf(name));

/** The page as descriptors and formats say it should be, before `deno fmt`. */
export function modelsPage(): string {
  return `# Models

What runs, and the memory that it takes. \`${COMMAND} --list-models\` prints the same lists. This page is
written by \`deno run -A tests/support/models_page.ts\`.

## Architectures

A model is a folder as Hugging Face has it, a \`.gguf\` file or a hub id. \`architectures\` in config.json, or
\`general.architecture\` in a GGUF file, says which architecture it has; others are refused by name at start, as
is any setting that would change the result and is not followed. What runs one size of an architecture runs all.

${
    table([
      ["architecture", "in GGUF files", "for example"],
      ...ARCHITECTURES.map(({ name, gguf }) => [
        `\`${name}\``,
        gguf === undefined ? "" : `\`${gguf.architecture}\``,
        knownOf(name).map(({ id }) => id).join(", "),
      ]),
    ])
  }

\`\`\`sh
${ARCHITECTURES.flatMap(({ name }) => knownOf(name).slice(0, 1)).map(commandOf).join("\n")}
\`\`\`

Every proposer drafts for every architecture ([speculation.md](speculation.md)).${
    ARCHITECTURES.filter(({ ownHeadPrefix }) => ownHeadPrefix !== undefined).map(({ name }) =>
      ` \`${name}\` brings its own head.`
    ).join("")
  }

## Formats

Bytes of a number, block scales counted, in the file and in memory on a CPU; a GPU's packed units take as much or
a little less. \`F32\`, \`F16\` and \`BF16\` are kept as \`--dtype\` says, \`auto\` as shown.

${
    table([
      ["format", "read from", "in the file", "in memory"],
      ...FORMATS.map((format) => [
        `\`${format}\``,
        READABLE_FILES.filter(({ formats }) => formats.includes(format)).map(({ name }) => name).join(", "),
        (blockOf(format).bytes / blockOf(format).elements).toFixed(2),
        bytesPerNumber(format).toFixed(2),
      ]),
    ])
  }

Quantised safetensors are read where \`quant_method\` is ${
    QUANT_METHODS.map((name) => `\`${name}\``).join(", ")
  }:
[formats.md](formats.md) says what of each.

## Memory

In GiB: weights by the format that they are all stored in (files of several formats lie between), keys and values
of ${CONTEXT.toLocaleString("en")} tokens in bfloat16, and what forwards take with default flags on a CPU.

${
    table([
      ["model", "parameters", "bfloat16", "Q8_0", "Q4_K", "keys and values", "forwards"],
      ...runnable.map((model) => {
        const needs = (format: StorageFormat) => needsOf(model, format);
        const { kvTokenBytes, activationBytes } = needs("BF16");
        return [
          model.id,
          `${(parametersOf(model) / 1e9).toFixed(2)}e9`,
          ...(["BF16", "Q8_0", "Q4_K"] as const).map((format) => gigabytes(needs(format).weightBytes)),
          gigabytes(CONTEXT * kvTokenBytes),
          gigabytes(activationBytes),
        ];
      }),
    ])
  }

A token of any model takes 2 x layers x key and value heads x head_dim numbers, of 2 bytes, or of 4 with
\`--kv-cache-dtype float32\`; windows do not make that less. A draft model takes what it would take by itself; a draft
head 1.06 bytes a number, keys and values of its layers, and 2 bytes for each number of the target's states that it
takes, for every token. If it does not fit, the server says at start what is missing and which flag helps.
`;
}

function knownOf(name: string): KnownModel[] {
  return KNOWN_MODELS.filter(({ architecture }) => architecture === name);
}

function commandOf({ id, architecture }: KnownModel): string {
  const { ownHeadPrefix } = architectureOf({ architecture });
  const drafting = ownHeadPrefix === undefined ? "" : " --speculative-algorithm NEXTN";
  return `${COMMAND} --model-path ${id}${drafting}`;
}

/** The model as a checkpoint whose matrices have one format; there are no files. */
function checkpointOf({ architecture: name, id, fields }: KnownModel, format: StorageFormat): Checkpoint {
  const architecture = architectureOf({ architecture: name });
  const config = { architecture: name, eosTokenIds: [], ...architecture.readConfig(id, fields) };
  const tensors = [...modelTensors(architecture, config)].filter(({ isRequired }) => isRequired).map(
    ({ name, shape }): [string, TensorSource] => [
      name,
      {
        name,
        file: "",
        offset: 0,
        bytes: 0,
        format: shape.length === 1 ? "F32" : format,
        shape,
        rowOrder: "plain",
      },
    ],
  );
  return { path: id, config, tensors: new Map(tensors), files: [], dtype: format };
}

function needsOf(model: KnownModel, format: StorageFormat): ReturnType<typeof memoryNeeds> {
  return memoryNeeds({ ...SERVER, checkpoint: checkpointOf(model, format) }, undefined);
}

/** Numbers in a model's required tensors, those of a head of its own not counted. */
export function parametersOf(model: KnownModel): number {
  let count = 0;
  for (const { shape } of checkpointOf(model, "BF16").tensors.values()) {
    count += shape.reduce((product, size) => product * size, 1);
  }
  return count;
}

/** Of a large matrix in memory. */
function bytesPerNumber(format: StorageFormat): number {
  const size = 1024, model = KNOWN_MODELS[0]!, checkpoint = checkpointOf(model, format);
  const matrix: TensorSource = {
    name: "matrix",
    file: "",
    offset: 0,
    bytes: 0,
    format,
    shape: [size, size],
    rowOrder: "plain",
  };
  const alone = { ...checkpoint, tensors: new Map([[matrix.name, matrix]]) };
  return memoryNeeds({ ...SERVER, checkpoint: alone }, undefined).weightBytes / size ** 2;
}

function gigabytes(bytes: number): string {
  return (bytes / GIGABYTE).toFixed(2);
}

function table(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  return [head!, head!.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

if (import.meta.main) Deno.writeTextFileSync(MODELS_PAGE, modelsPage());
