/**
 * FR-Spec (Zhao et al. 2025, arXiv 2502.14856): restricts a draft head without an LM head of its own to the frequent
 * tokens, by loading only their rows of the target's LM head.
 *
 * @module
 */
import { architectureOf } from "../architectures/registry.ts";
import { outputMatrix } from "../architectures/model_tensors.ts";
import type { Context } from "../../ffi/context.ts";
import type { WeightId } from "../../ffi/handles.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { Weights } from "../nn/weights.ts";

/**
 * Loads the rows of the target's LM head for these tokens, [tokens, hiddenSize], in the file's format.
 *
 * @throws {LoadError} if the file cannot be read or a token is not in the vocabulary
 */
export function loadHotRows(context: Context, checkpoint: Checkpoint, tokens: Int32Array): WeightId {
  const { config, tensors } = checkpoint;
  const name = outputMatrix(architectureOf(config), config);
  const { file: path, offset, bytes, shape: [numRows = 0, cols = 0], format, quantization } = tensors.get(
    name,
  )!;
  if (quantization !== undefined) {
    throw new LoadError(
      `Cannot use token map: ${name} of ${checkpoint.path} is quantised (${quantization.layout})`,
    );
  }
  const rowBytes = bytes / numRows, rows = new Uint8Array(tokens.length * rowBytes);
  using file = Deno.openSync(path);
  tokens.forEach((token, i) => {
    if (!(token >= 0 && token < numRows)) {
      throw new LoadError(`Cannot use token map: token ${token} of a vocabulary of ${numRows}`);
    }
    const row = rows.subarray(i * rowBytes, (i + 1) * rowBytes);
    file.seekSync(offset + token * rowBytes, Deno.SeekMode.Start);
    for (let filled = 0; filled < rowBytes;) {
      const read = file.readSync(row.subarray(filled));
      if (read === null) throw new LoadError(`Cannot load ${path}: it ends inside ${name}`);
      filled += read;
    }
  });
  const memory = context.createFile(rows), weight = context.createWeight(tokens.length, cols);
  context.appendWeight(weight, { file: memory, offset: 0, format }, tokens.length, 0);
  context.packWeight(weight, Weights.autoDtype(checkpoint));
  context.closeFile(memory);
  return weight;
}
