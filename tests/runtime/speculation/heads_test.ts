/**
 * States and logits of draft heads of every kind against an independent float64 forward: rows of committed tokens, and
 * three steps on the head's own states.
 *
 * @module
 */
import type { HeadRow } from "../../support/head_reference.ts";
import { RowWriter } from "../../../runtime/models/row_writer.ts";
import { draftLimits } from "../../../runtime/speculation/draft_network.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { assertClose } from "../../support/close.ts";
import { HEAD_LIMITS, slotsOf, withLoadedHead, withTinyHead, writeFeatures } from "../../support/heads.ts";
import { ALL_ISAS, hasIsa, readRows } from "../../support/native.ts";
import { randomDraftTokens, type TinyHeadOptions } from "../../support/tiny_head.ts";

type Case = Omit<TinyHeadOptions, "target" | "seed"> & { readonly name: string };

const draftTokens = randomDraftTokens(97, 300, seededRandom(1));
const CASES: readonly Case[] = [
  { name: "EAGLE", kind: "eagle" },
  { name: "EAGLE from pytorch_model.bin in float16", kind: "eagle", isTorch: true, format: "F16" },
  {
    name: "EAGLE with every bias and its own embedding",
    kind: "eagle",
    hasFcBias: true,
    hasQkvBias: true,
    hasOwnEmbedding: true,
  },
  { name: "EAGLE of two layers", kind: "eagle", numLayers: 2 },
  { name: "MTP", kind: "mtp", hasQkvBias: true },
  { name: "EAGLE-3", kind: "eagle3", draftTokens },
  { name: "EAGLE-3 with one norm per state", kind: "eagle3", draftTokens, hasFcNorm: true },
  {
    name: "EAGLE-3 from pytorch_model.bin in bfloat16",
    kind: "eagle3",
    draftTokens,
    isTorch: true,
    format: "BF16",
  },
  {
    name: "EAGLE-3 called layers.0, whole vocabulary, theta 500",
    kind: "eagle3",
    layerName: "layers.0",
    config: { "rope_theta": 500 },
  },
  {
    name: "EAGLE-3 with the target's LM head and its own embedding",
    kind: "eagle3",
    hasOwnLmHead: false,
    hasOwnEmbedding: true,
  },
  {
    name: "EAGLE-3 with the norm before the residual",
    kind: "eagle3",
    draftTokens,
    config: { "norm_before_residual": true },
  },
  {
    name: "EAGLE-3 that feeds back normed states",
    kind: "eagle3",
    draftTokens,
    config: { "norm_output": true },
  },
  { name: "EAGLE-3 of two layers", kind: "eagle3", draftTokens, numLayers: 2 },
];

const NUM_COMMITTED = 21, NUM_STEPS = 3;
const PAGES = Int32Array.of(7, 3), SCRATCH = Int32Array.of(24, 25);
const TOKENS = Array.from({ length: NUM_COMMITTED + NUM_STEPS + 1 }, (_, i) => (i * 53 + 5) % 300);

for (const { name, ...options } of CASES) {
  Deno.test(`states and logits match float64, first step and three more: ${name}`, () =>
    withTinyHead(options, (pair) => {
      const { config, head: { featureLayers } } = pair.head,
        width = featureLayers.length * pair.target.config.hiddenSize;
      for (const isa of ALL_ISAS.filter(hasIsa)) {
        withLoadedHead(pair, isa, (loaded) => {
          const { context, drafter } = loaded, { output } = drafter.head;
          const features = writeFeatures(loaded, { slots: slotsOf(PAGES, NUM_COMMITTED), width, seed: 9 });
          const rows = new RowWriter(draftLimits(HEAD_LIMITS, 4).batch, HEAD_LIMITS.pageSize);
          const extend = context.record(() => drafter.extend()), grow = context.record(() => drafter.grow(1));
          const reference = pair.reference(), all = Array.from({ length: NUM_COMMITTED }, (_, i) => i);
          const compare = (numOutputs: number, expected: readonly HeadRow[], label: string) => {
            const results = expected.map((row) => reference.run(row)).slice(-numOutputs);
            const flat = (part: "state" | "logits") => results.flatMap((result) => Array.from(result[part]));
            const states = readRows(context, output.states, numOutputs, config.hiddenSize);
            assertClose(states, flat("state"), 1e-10, `${isa} ${label}: states`);
            const logits = readRows(context, output.logits, numOutputs, output.vocabSize);
            assertClose(logits, flat("logits"), 1e-10, `${isa} ${label}: logits`);
            return results.at(-1)!.state;
          };
          rows.begin(PAGES.length);
          rows.segment(PAGES);
          for (const entry of all) {
            const token = entry === 0 && drafter.skipsFirstToken ? -1 : TOKENS[entry + 1]!;
            rows.add({ token, position: entry, entry, visible: entry + 1, mask: 0n });
            if (entry >= NUM_COMMITTED - 4) rows.output();
          }
          context.writeBatch(drafter.batch, rows.arrays);
          const { numOutputs } = rows.arrays;
          context.run(extend);
          const committed = all.map((t) => ({
            features: features[t]!,
            token: TOKENS[t + 1]!,
            position: t,
            sees: all.slice(0, t),
          }));

          let state = compare(numOutputs, committed, "committed");
          for (let step = 0; step < NUM_STEPS; step++) {
            const position = NUM_COMMITTED + step, token = TOKENS[position + 1]!;
            rows.begin(PAGES.length + SCRATCH.length);
            rows.segment(PAGES, SCRATCH);
            const mask = (1n << BigInt(step + 1)) - 1n, source = step === 0 ? numOutputs - 1 : 0;
            rows.add({ token, position, entry: position, visible: NUM_COMMITTED, mask, source });
            rows.output();
            context.writeBatch(drafter.batch, rows.arrays);
            context.run(grow);
            const sees = Array.from({ length: position }, (_, i) => i);
            state = compare(1, [{ state, token, position, sees }], `step ${step + 1}`);
          }
        });
      }
    }));
}
