/**
 * Every architecture beside transformers: logits and greedy continuations of tiny random models that it makes and writes.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { VerifierConfig } from "../../../runtime/contracts/config.ts";
import { slotAt } from "../../../runtime/models/segment_rows.ts";
import { ARCHITECTURES, findArchitecture } from "../../../runtime/architectures/registry.ts";
import { isSimulatorBuilt, SIMULATED, type Simulated } from "../../support/cuda_sim.ts";
import { ALL_ISAS, hasIsa, type Isa } from "../../support/native.ts";
import { ModelRunner, verifierConfig } from "../../support/models.ts";
import {
  CONFIG_CLASSES,
  IRRELEVANT_FIELDS,
  REFUSED_VALUES,
  UNUSED_IN,
  USED_FIELDS,
} from "../../support/config_fields.ts";
import { needsReferences } from "../../support/references.ts";
import {
  makeReferenceModels,
  PROMPT,
  type Reference,
  REFERENCE_CASES,
} from "../../support/reference_models.ts";

const needs = await needsReferences("torch", "transformers");
const isas = ALL_ISAS.filter(hasIsa), best = isas.at(-1)!;

let made: Promise<Reference> | undefined;
const reference = () => made ??= makeReferenceModels(Object.values(CONFIG_CLASSES));
Deno.test.afterAll(async () => await (await made)?.[Symbol.asyncDispose]());

/** Largest difference of a logit. */
const BOUND = 2e-3;
const PAGES = Int32Array.of(5, 2, 9, 1, 7, 3);

/** Logits of the prompt, then `numGreedy` tokens one by one. */
function run(config: VerifierConfig, kernels: Isa | Simulated, numGreedy: number) {
  using runner = new ModelRunner(config, kernels);
  const logits = runner.forward([{ tokens: PROMPT, start: 0, pages: PAGES }]), greedy: number[] = [];
  for (let last = logits.at(-1)!; greedy.length < numGreedy;) {
    const start = PROMPT.length + greedy.length;
    greedy.push(last.indexOf(Math.max(...last)));
    last = runner.forward([{ tokens: Int32Array.of(greedy.at(-1)!), start, pages: PAGES }])[0]!;
  }
  return { logits, greedy };
}

async function compare(name: string, kernels: Isa | Simulated, numGreedy?: number): Promise<void> {
  const expected = (await reference()).models.get(name)!;
  const { contextLength = 512 } = REFERENCE_CASES[name]!;
  const config = verifierConfig(await expected.open(), { contextLength });
  const { logits, greedy } = run(config, kernels, numGreedy ?? expected.greedy.length);
  logits.forEach((row, position) =>
    row.forEach((logit, token) => {
      const difference = Math.abs(logit - expected.logits[position]![token]!);
      assert.ok(difference <= BOUND, `${name}: logit ${token} at ${position} differs by ${difference}`);
    })
  );
  assert.deepEqual(greedy, expected.greedy.slice(0, greedy.length), name);
}

Deno.test("transformers makes a model of every architecture that it has", () => {
  const made = new Set(Object.values(REFERENCE_CASES).map(({ architecture }) => architecture));
  const missing = ARCHITECTURES.map(({ name }) => name).filter((name) => !made.has(name));
  assert.deepEqual(missing, ["MiMoForCausalLM"]);
});

for (const name of Object.keys(REFERENCE_CASES)) {
  Deno.test({
    name: `${name}: logits and greedy tokens are transformers'`,
    ...needs,
    fn: () => compare(name, best),
  });

  Deno.test({
    name: `cuda: ${name}: logits and greedy tokens are transformers'`,
    ignore: needs.ignore || !isSimulatorBuilt,
    fn: () => compare(name, SIMULATED[0]!, 2),
  });
}

Deno.test({
  name: "the hidden states that draft heads take are transformers', layer by layer",
  ...needs,
  async fn() {
    for (const [name, { open, states }] of (await reference()).models) {
      const { contextLength = 512 } = REFERENCE_CASES[name]!;
      const checkpoint = await open(), { numLayers, hiddenSize } = checkpoint.config;
      const featureLayers = Array.from({ length: numLayers + 1 }, (_, layer) => layer);
      using runner = new ModelRunner(verifierConfig(checkpoint, { contextLength, featureLayers }), best);
      runner.forward([{ tokens: PROMPT, start: 0, pages: PAGES }]);
      const width = featureLayers.length * hiddenSize;
      const kept = runner.features(Array.from(PROMPT, (_, position) => slotAt(PAGES, position, 16)), width);
      for (const layer of featureLayers) {
        for (let position = 0; position < PROMPT.length; position++) {
          const first = (layer * PROMPT.length + position) * hiddenSize;
          const expected = states.subarray(first, first + hiddenSize);
          const start = position * width + layer * hiddenSize;
          const row = kept.subarray(start, start + hiddenSize);
          const error = Math.max(...row.map((value, i) => Math.abs(value - expected[i]!)));
          // They are kept in bfloat16.
          const bound = Math.max(...expected.map(Math.abs)) / 200;
          assert.ok(error <= bound, `${name}: state ${layer} at ${position} differs by ${error}`);
        }
      }
    }
  },
});

Deno.test({
  name: "windows, soft caps and norms are transformers' with every instruction set",
  ...needs,
  async fn() {
    for (const isa of isas) await compare("gemma2", isa, 2);
  },
});

for (const [name, className] of Object.entries(CONFIG_CLASSES)) {
  const readConfig = (fields: Record<string, unknown>) =>
    findArchitecture(name)!.readConfig("c.json", fields);

  Deno.test({
    name: `${name}: what config.json does not say is as in transformers' ${className}`,
    ...needs,
    async fn() {
      const fields = (await reference()).defaults[className]!, config = readConfig({});
      const { layer_types: types, sliding_window: window, rope_parameters: rope } = fields;
      assert.deepEqual(
        [config.vocabSize, config.hiddenSize, config.intermediateSize, config.numLayers, config.numHeads],
        ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"]
          .map((field) => fields[field]),
      );
      assert.equal(config.numKvHeads, fields["num_key_value_heads"]);
      assert.equal(config.headDim, fields["head_dim"] ?? config.hiddenSize / config.numHeads);
      assert.equal(config.maxPositionEmbeddings, fields["max_position_embeddings"]);
      assert.equal(config.rmsNormEps, fields["rms_norm_eps"]);
      assert.equal(config.tieWordEmbeddings, fields["tie_word_embeddings"]);
      const slides = Array.isArray(types)
        ? types.map((type) => type === "sliding_attention")
        : Array(config.numLayers).fill(typeof window === "number");
      const windows = config.layers?.map((layer) => layer.window) ?? Array(config.numLayers).fill(undefined);
      assert.deepEqual(windows, slides.map((slides) => slides ? window : undefined));
      const { full_attention: full, sliding_attention: sliding, rope_theta: theta } = rope as Thetas;
      assert.equal(config.rope.theta, full?.rope_theta ?? theta);
      assert.equal(config.localRope?.theta, sliding?.rope_theta);
    },
  });

  Deno.test({
    name: `${name}: every field of ${className} is read, refused or without influence`,
    ...needs,
    async fn() {
      const fields = (await reference()).defaults[className]!;
      for (const [field, value] of Object.entries(fields)) {
        const used = USED_FIELDS[`${className}.${field}`] ?? USED_FIELDS[field],
          refused = REFUSED_VALUES[field];
        if (UNUSED_IN[className]?.includes(field) || IRRELEVANT_FIELDS.has(field)) continue;
        if (field === "tie_word_embeddings") {
          assert.equal(readConfig({ [field]: !value }).tieWordEmbeddings, !value);
        } else if (refused !== undefined) {
          assert.throws(() => readConfig({ [field]: refused }), new RegExp(`LoadError: .*${field}`));
        } else {
          assert.ok(used, `${className}.${field}`);
          const before = { ...used.beside }, after = { ...before, [field]: used.value };
          assert.notDeepEqual(readConfig(after), readConfig(before), `${className}.${field}`);
        }
      }
    },
  });
}

/** Rotary bases as transformers has them, by kind of layer or for all. */
interface Thetas {
  readonly "full_attention"?: { readonly "rope_theta": number };
  readonly "sliding_attention"?: { readonly "rope_theta": number };
  readonly "rope_theta"?: number;
}
