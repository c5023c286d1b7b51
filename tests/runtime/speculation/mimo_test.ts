/**
 * MiMo with its MTP layers against transformers and torch, which write the checkpoints: the base as Qwen2 under another
 * name, the layers by their publication; and the algorithms that draft with a target's own layers.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { loadModel } from "../../../runtime/models/load.ts";
import { RowWriter } from "../../../runtime/models/row_writer.ts";
import { layOut, writeSegments } from "../../../runtime/models/segment_rows.ts";
import { loadHead } from "../../../runtime/speculation/head_proposer.ts";
import { targetParts } from "../../../runtime/speculation/registry.ts";
import { openSpeculation } from "../../../runtime/speculation/setup/open_speculation.ts";
import { TreeProposer } from "../../../runtime/speculation/tree_proposer.ts";
import { openCheckpoint, type OpenedCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { memoryNeeds } from "../../../runtime/engine/memory_needs.ts";
import { HEAD_LIMITS } from "../../support/heads.ts";
import { checkLaw, runPlain, shapeArgs } from "../../support/law.ts";
import { ModelRunner, verifierConfig } from "../../support/models.ts";
import { withContext } from "../../support/native.ts";
import { askReference, needsReferences } from "../../support/references.ts";
import { defaultArgs } from "../../support/test_engine.ts";
import { ONCE } from "../../support/tiny_laws.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

const { ignore } = await needsReferences("torch", "transformers", "safetensors");

const CONFIG = {
  "hidden_size": 64,
  "intermediate_size": 160,
  "num_hidden_layers": 3,
  "num_attention_heads": 4,
  "num_key_value_heads": 2,
  "head_dim": 32,
  "vocab_size": TINY_TOKENIZER.tokens.length,
  "rms_norm_eps": 1e-5,
  "rope_theta": 640000,
  "max_position_embeddings": 512,
};
const NUM_LOGITS = 64, NUM_TOKENS = 32;
const PROMPT = Array.from({ length: NUM_LOGITS }, (_, i) => (i * 53 + 5) % 300);
/** One step's drafts, and more than there are layers. */
const TOPK = 2, NUM_STEPS = 4;
/** Lengths of a sequence as it grows, to be drafted for one after the other. */
const LENGTHS = [2, 17, 18, 21, 40];
/** One layer as MiMo-7B has, and as many as need rows of each other. */
const LAYERS = [1, 3];

interface Answer {
  readonly logits: readonly (readonly number[])[];
  readonly greedy: readonly number[];
  readonly drafts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

interface Mimo {
  readonly layers: number;
  readonly folder: string;
  readonly target: OpenedCheckpoint;
  readonly answer: Answer;
}

let written: Promise<Mimo[]> | undefined, root: string | undefined;
Deno.test.afterAll(async () => {
  if (root !== undefined) await Deno.remove(root, { recursive: true });
});

/** The checkpoints and what the reference says of them; asked once. */
function mimos(): Promise<Mimo[]> {
  return written ??= write();
}

async function write(): Promise<Mimo[]> {
  root = await Deno.makeTempDir();
  const models = LAYERS.map((layers) => ({
    folder: `${root}/layers-${layers}`,
    config: CONFIG,
    layers,
    seed: layers,
    prompt: PROMPT,
    tokens: NUM_TOKENS,
    lengths: LENGTHS,
    topk: TOPK,
    depth: NUM_STEPS,
  }));
  const answers = await askReference("mimo.py", models) as Answer[];
  return await Promise.all(models.map(async ({ layers, folder }, i) => {
    await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(TINY_TOKENIZER.json));
    await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(TINY_TOKENIZER.config));
    return { layers, folder, target: await openCheckpoint(await resolveModel(folder)), answer: answers[i]! };
  }));
}

Deno.test({
  name: "MiMo: logits and greedy tokens are those of Qwen2 with its weights",
  ignore,
  async fn() {
    for (const { target: { checkpoint }, answer } of await mimos()) {
      assert.equal(checkpoint.config.architecture, "MiMoForCausalLM");
      using runner = new ModelRunner(verifierConfig(checkpoint), "portable");
      const pages = Int32Array.from({ length: 8 }, (_, page) => page);
      const tokens = [...PROMPT, ...answer.greedy];
      const logits = runner.forward([{ tokens: Int32Array.from(tokens), start: 0, pages }]);
      answer.logits.forEach((expected, row) =>
        expected.forEach((value, i) => assert.ok(Math.abs(logits[row]![i]! - value) < 2e-3, `row ${row}`))
      );
      answer.greedy.forEach((token, i) => {
        const row = logits[NUM_LOGITS - 1 + i]!;
        assert.equal(row.indexOf(Math.max(...row)), token, `token ${i}`);
      });
    }
  },
});

Deno.test({
  name: "MiMo: drafts of its own MTP layers are the reference's, one layer or several, as a sequence grows",
  ignore,
  async fn() {
    for (const { target, answer, layers } of await mimos()) {
      const { checkpoint } = target;
      const { speculation } = await openSpeculation(
        { ...defaultArgs, speculativeAlgorithm: "EAGLE" },
        target,
      );
      const head = speculation!.head!, tokens = Int32Array.from([...PROMPT, ...answer.greedy]);
      const numSlots = HEAD_LIMITS.numPages * HEAD_LIMITS.pageSize;
      const { featureLayers } = head.head;
      const config = verifierConfig(checkpoint, { featureLayers, maxTotalTokens: numSlots });
      withContext("portable", 2, (context) => {
        const { info, model, kv, batch, limits } = loadModel(context, config, () => {});
        const pages = Int32Array.of(5, 3, 4, 9, 8, 7), rows = new RowWriter(limits, HEAD_LIMITS.pageSize);
        writeSegments(rows, layOut([{ requestId: "", tokens, start: 0, pages, sample: true }]));
        context.writeBatch(batch, rows.arrays);
        model.forward(kv);
        const network = loadHead({
          checkpoint: head,
          dtype: "float32",
          limits: HEAD_LIMITS,
          topk: TOPK,
          hotTokens: undefined,
          target: targetParts(config, info),
        });
        const proposer = new TreeProposer(network, HEAD_LIMITS, TOPK);
        const shape = { numSteps: NUM_STEPS, topk: TOPK, numNodes: 63 };
        let start = 0;
        for (const length of LENGTHS) {
          const request = { requestId: "r", start, tokens: tokens.slice(start, length), pages, ...shape };
          const [tree] = proposer.propose([request]), paths: string[] = [];
          // Of each level the best two are expanded.
          assert.equal(tree!.tokens.length, TOPK + (NUM_STEPS - 1) * TOPK * TOPK);
          tree!.tokens.forEach((token, i) => {
            const parent = tree!.parents[i]!, path = parent < 0 ? `${token}` : `${paths[parent]},${token}`;
            paths.push(path);
            const label = `${layers} layers, ${length} tokens, ${path}`, p = answer.drafts[length]![path]!;
            assert.ok(
              Math.abs(tree!.probabilities[i]! / p - 1) < 1e-3,
              `${label}: ${tree!.probabilities[i]}, ${p}`,
            );
          });
          start = length;
        }
      });
    }
  },
});

Deno.test({
  name: "MiMo: EAGLE and NEXTN find the MTP layers in the target's files, and count their memory once",
  ignore,
  async fn() {
    for (const { target, layers, folder } of await mimos()) {
      const args = [{}, { speculativeDraftModelPath: folder }, { speculativeDraftModelPath: `${folder}/` }];
      for (const speculativeAlgorithm of ["EAGLE", "NEXTN"]) {
        for (const path of args) {
          const { speculation } = await openSpeculation(
            { ...defaultArgs, speculativeAlgorithm, ...path },
            target,
          );
          assert.equal(speculation!.algorithm, "NEXTN");
          assert.equal(speculation!.head!.config.numLayers, layers);
          // SGLang's default for all but Llama.
          assert.deepEqual([speculation!.numSteps, speculation!.topk, speculation!.numDraftTokens], [
            3,
            1,
            4,
          ]);
        }
      }
      const { speculation } = await openSpeculation(
        { ...defaultArgs, speculativeAlgorithm: "NEXTN" },
        target,
      );
      const config = verifierConfig(target.checkpoint), plain = memoryNeeds(config, undefined);
      const needs = memoryNeeds(config, speculation);
      assert.equal(needs.weightBytes, plain.weightBytes);
      assert.ok(![...target.checkpoint.tensors.keys()].some((name) => name.includes("mtp_layers")));
      assert.ok(needs.draftWeightBytes > 0);
      assert.equal(needs.draftKvTokenBytes, layers * needs.kvTokenBytes / 3);
      assert.equal(needs.hiddenTokenBytes, 2 * 64 * layers, "the target's state, and those between layers");
    }
  },
});

Deno.test({
  name: "MiMo: no shape of tree changes a token",
  ignore,
  async fn() {
    const cases = [
      { prompt: [1], sampling: { temperature: 0, maxTokens: 24 } },
      { prompt: ONCE, sampling: { temperature: 0.8, topP: 0.9, seed: 1, maxTokens: 24 } },
      { prompt: [...ONCE, 9], sampling: { temperature: 0, maxTokens: 24 } },
    ];
    for (const { target } of await mimos()) {
      const setting = { target, cases }, expected = await runPlain(setting);
      for (const shape of [[1, 1, 2], [5, 4, 8]] as const) {
        const args = { speculativeAlgorithm: "EAGLE", ...shapeArgs(shape) };
        const { proposed } = await checkLaw(setting, expected, args);
        assert.ok(proposed > 0);
      }
    }
  },
});
