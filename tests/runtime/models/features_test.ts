/**
 * The hidden states a forward keeps for draft heads, against an independent float64 forward.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertClose, assertSameBits } from "../../support/close.ts";
import {
  loadHere,
  ModelRunner,
  referenceWeights,
  verifierConfig,
  withTinyCheckpoint,
} from "../../support/models.ts";
import { hiddenStates, roundedToBfloat16 } from "../../support/reference.ts";

/** A number at the middle of two of bfloat16 may be rounded to the other one; truncation is off by more than 1e-6. */
const MAX_NMSE = 1e-8;
const NUM_LAYERS = 30, TOKENS = Int32Array.from({ length: 21 }, (_, i) => (i * 29 + 7) % 300);
const PAGES = Int32Array.of(5, 2), SLOTS = Array.from(TOKENS, (_, i) => PAGES[i >> 4]! * 16 + i % 16);
const options = {
  kind: "safetensors",
  seed: 8,
  config: { numLayers: NUM_LAYERS, intermediateSize: 64 },
} as const;

Deno.test("layers 2, 15 and 27 of 30 are the inputs of those layers, 30 the final norm's output", () =>
  withTinyCheckpoint(options, (checkpoint) => {
    const { hiddenSize } = checkpoint.config;
    const expected = hiddenStates(checkpoint.config, referenceWeights(checkpoint), TOKENS);
    for (const layers of [[2, 15, 27], [NUM_LAYERS], [0, NUM_LAYERS]]) {
      for (const graph of [undefined, "recorded"] as const) {
        using runner = new ModelRunner(
          verifierConfig(checkpoint, { featureLayers: layers }),
          "portable",
          graph,
        );
        // In two chunks: a slot keeps its state until it is written again.
        for (const [first, last] of [[0, 13], [13, TOKENS.length]] as const) {
          runner.forward([{ tokens: TOKENS.subarray(first, last), start: first, pages: PAGES }]);
        }
        const width = layers.length * hiddenSize, actual = runner.features(SLOTS, width);
        layers.forEach((layer, at) =>
          TOKENS.forEach((_, t) => {
            const start = t * width + at * hiddenSize;
            const label = `layer ${layer}, position ${t}`;
            const states = actual.subarray(start, start + hiddenSize);
            assertClose(states, roundedToBfloat16(expected[layer]![t]!), MAX_NMSE, label);
          })
        );
      }
    }
  }));

Deno.test("keeping hidden states changes no logit", () =>
  withTinyCheckpoint(options, (checkpoint) => {
    const logits = (featureLayers: readonly number[]) => {
      using runner = new ModelRunner(verifierConfig(checkpoint, { featureLayers }), "portable", "recorded");
      return runner.forward([{ tokens: TOKENS, start: 0, pages: PAGES }]);
    };
    const plain = logits([]);
    logits([2, 15, 27, NUM_LAYERS]).forEach((row, i) => assertSameBits(row, plain[i]!, `row ${i}`));
  }));

Deno.test("layers that the model has not are refused", () =>
  withTinyCheckpoint({ kind: "gguf", seed: 8 }, (checkpoint) => {
    assert.throws(() => loadHere(verifierConfig(checkpoint, { featureLayers: [1, 3] })), {
      name: "LoadError",
      message: "Cannot keep hidden states of layer 3: the model has 2, expected 0..2",
    });
  }));
