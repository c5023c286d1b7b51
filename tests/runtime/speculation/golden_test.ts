/**
 * The shipped heads against what their trainer's plain implementation computed from the same files: 16 rows of a real
 * text, then three steps on the head's own states.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { RowWriter } from "../../../runtime/models/row_writer.ts";
import { draftLimits } from "../../../runtime/speculation/draft_network.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { openDraftHead } from "../../../runtime/weights/draft_checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { readSafetensors } from "../../../runtime/tensor_files/safetensors.ts";
import { readIntegers } from "../../../runtime/tensor_files/stored_tensor.ts";
import { assertClose, assertEachClose } from "../../support/close.ts";
import { HEAD_LIMITS, slotsOf, withLoadedHead } from "../../support/heads.ts";
import { needsModel } from "../../support/model_file.ts";
import { ALL_ISAS, hasIsa, readRows } from "../../support/native.ts";

const folder = Deno.env.get("AERIE_TEST_HEADS") ?? join(import.meta.dirname!, "..", "..", "..", "heads");
const PAGES = Int32Array.of(3, 1), SCRATCH = Int32Array.of(24), TOPK = 4;

/** A golden file's tensors by name. */
class Golden {
  readonly #path: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(path: string) {
    this.#path = path;
    this.#bytes = Deno.readFileSync(path);
  }

  floats(name: string): Float32Array<ArrayBuffer> {
    const { offset, bytes } = this.#find(name);
    return new Float32Array(this.#bytes.slice(offset, offset + bytes).buffer);
  }

  integers(name: string): Int32Array {
    return readIntegers(this.#path, this.#find(name));
  }

  #find(name: string) {
    const tensor = readSafetensors(this.#path).find((tensor) => tensor.name === name);
    assert.ok(tensor, `${name} in ${this.#path}`);
    return tensor;
  }
}

const real = needsModel();
const names = (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.startsWith("eagle"));

Deno.test({
  name: "heads ship with the project",
  ignore: names.length === 0 && !Deno.env.get("CI"),
  fn: () => assert.ok(names.length > 0, `no heads in ${folder}`),
});

for (const name of names) {
  Deno.test(
    `${name} computes what its trainer's plain implementation does`,
    { ignore: real.ignore },
    async () => {
      const target = (await openCheckpoint(await resolveModel(real.path))).checkpoint;
      const path = join(folder, name), head = await openDraftHead({ path, target });
      const golden = new Golden(join(path, "golden.safetensors"));
      const tokens = golden.integers("token_ids"), states = golden.floats("states");
      const stepTokens = golden.integers("step_token_ids"), width = states.length / tokens.length;
      const best = ALL_ISAS.findLast(hasIsa)!;
      for (const dtype of ["float32", "int8"] as const) {
        withLoadedHead({ target, head }, best, ({ context, drafter, target: { features } }) => {
          const { output } = drafter.head, { hiddenSize } = head.config;
          const compare = (rows: number, hidden: Float32Array, logits: Float32Array, label: string) => {
            const got = [
              readRows(context, output.states, rows, hiddenSize),
              readRows(context, output.logits, rows, output.vocabSize),
            ];
            for (const [i, expected] of [hidden, logits].entries()) {
              // An EAGLE-2 head's logits come from the target's LM head, which is 8-bit in any case.
              const float = dtype === "float32" && (i === 0 || head.head.kind === "eagle3");
              if (float) assertEachClose(got[i]!, expected, 1e-3, `${label} ${i}`);
              else assertClose(got[i]!, expected, 1e-2, `${label} ${i}`);
            }
          };
          slotsOf(PAGES, tokens.length).forEach((slot, t) =>
            context.writeTensor(features!, states.slice(t * width, (t + 1) * width), slot, 1)
          );
          const rows = new RowWriter(draftLimits(HEAD_LIMITS, TOPK).batch, HEAD_LIMITS.pageSize);
          rows.begin(PAGES.length);
          rows.segment(PAGES);
          tokens.forEach((token, entry) => {
            rows.add({ token, position: entry, entry, visible: entry + 1, mask: 0n });
            rows.output();
          });
          context.writeBatch(drafter.batch, rows.arrays);
          drafter.extend();
          compare(tokens.length, golden.floats("hidden"), golden.floats("logits"), `${dtype}, committed`);

          const hidden = golden.floats("step_hidden"), logits = golden.floats("step_logits");
          stepTokens.forEach((token, step) => {
            const position = tokens.length + step, mask = (1n << BigInt(step + 1)) - 1n;
            rows.begin(PAGES.length + 1);
            rows.segment(PAGES.subarray(0, 1), SCRATCH);
            const source = step === 0 ? tokens.length - 1 : 0;
            rows.add({ token, position, entry: position, visible: tokens.length, mask, source });
            rows.output();
            context.writeBatch(drafter.batch, rows.arrays);
            drafter.grow(1);
            const part = (all: Float32Array, cols: number) => all.subarray(step * cols, (step + 1) * cols);
            compare(
              1,
              part(hidden, hiddenSize),
              part(logits, output.vocabSize),
              `${dtype}, step ${step + 1}`,
            );
          });
          // What the trainer has in float32 is judged in float32, and as it is served with the wider bound.
        }, { topk: TOPK, dtype, featureDtype: dtype === "float32" ? "float32" : "bfloat16" });
      }
    },
  );
}
