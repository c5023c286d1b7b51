/**
 * Embeddings and hidden states of a real engine, beside transformers'.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { EmbeddingConfig, Pooling } from "../../../runtime/contracts/hidden_states.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import type { Engine } from "../../../runtime/engine/engine.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { simulatorPath } from "../../support/cuda_sim.ts";
import { start } from "../../support/law.ts";
import { libraryPath } from "../../support/native.ts";
import {
  makeReferenceModels,
  PROMPT,
  type Reference,
  REFERENCE_CASES,
  type ReferenceModel,
} from "../../support/reference_models.ts";
import { needsReferences } from "../../support/references.ts";
import { collect, requestOf } from "../../support/test_engine.ts";

const needs = await needsReferences("torch", "transformers");
const { llama, granite } = REFERENCE_CASES;
let made: Promise<Reference> | undefined;
const modelOf = async (name: string): Promise<ReferenceModel> =>
  (await (made ??= makeReferenceModels([], { llama: llama!, granite: granite! }))).models.get(name)!;
Deno.test.afterAll(async () => await (await made)?.[Symbol.asyncDispose]());

/** Keys and values are float32, as transformers' are. */
const PRECISE: Partial<ServerArgs> = { kvCacheDtype: "float32", dtype: "float32" };
const CPU = { libraryPath, device: "cpu" } as const;
const DEVICES = [
  ["cpu", CPU, false],
  ["cuda-sim", { libraryPath: simulatorPath ?? "", device: "cuda-sim" }, simulatorPath === undefined],
] as const;

async function engineOf(
  { path }: ReferenceModel,
  embedding: EmbeddingConfig,
  args: Partial<ServerArgs> = {},
  on: typeof DEVICES[number][1] = CPU,
): Promise<Engine> {
  const opened = await openCheckpoint(await resolveModel(path));
  const target = { ...opened, checkpoint: { ...opened.checkpoint, embedding } };
  return await start({ target, on }, { ...PRECISE, ...args });
}

/** Transformers' output of the final norm, by position of the prompt. */
function expectedStates({ states }: ReferenceModel): Float32Array[] {
  const width = states.length / 3 / PROMPT.length, first = 2 * PROMPT.length * width;
  return Array.from(PROMPT, (_, i) => states.subarray(first + i * width, first + (i + 1) * width));
}

/** What sentence-transformers' Pooling and Normalize make of them. */
function expectedEmbedding(
  states: readonly Float32Array[],
  pooling: Pooling,
  dimensions = Infinity,
): number[] {
  const rows: readonly Float32Array[] =
    { last: states.slice(-1), cls: states.slice(0, 1), mean: states }[pooling];
  const mean = Array.from(
    rows[0]!.subarray(0, dimensions),
    (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length,
  );
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}

function assertNear(actual: Float32Array, expected: ArrayLike<number>, name: string): void {
  assert.equal(actual.length, expected.length, name);
  const largest = Math.max(...Array.from(expected, Math.abs));
  const error = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  assert.ok(error <= 2e-3 * largest, `${name} differs by ${error} where numbers reach ${largest}`);
}

function embed(engine: Engine, requestId: string, promptTokens: Int32Array, dimensions?: number) {
  return engine.embed({ requestId, promptTokens, ...(dimensions && { dimensions }) });
}

async function assertNoLeak(engine: Engine): Promise<void> {
  const { numFreePages, numEvictablePages, numPages } = await engine.schedulerState();
  assert.equal(numFreePages + numEvictablePages, numPages, "pages leak");
}

for (const [device, on, isAbsent] of DEVICES) {
  Deno.test({
    name: `${device}: embeddings are transformers' final norm, pooled by last, mean or cls`,
    ignore: needs.ignore || isAbsent,
    async fn() {
      for (const name of device === "cpu" ? ["llama", "granite"] : ["llama"]) {
        const model = await modelOf(name), states = expectedStates(model);
        for (const pooling of ["last", "mean", "cls"] as const) {
          await using engine = await engineOf(model, { pooling, isNormalised: true }, {}, on);
          const all = await embed(engine, "a", PROMPT);
          assertNear(all.embedding, expectedEmbedding(states, pooling), `${name} ${pooling}`);
          assert.deepEqual([all.usage.numPromptTokens, all.usage.numCompletionTokens], [PROMPT.length, 0]);
          const cut = await embed(engine, "b", PROMPT, 8);
          assertNear(cut.embedding, expectedEmbedding(states, pooling, 8), `${name} ${pooling}, cut`);
          await assertNoLeak(engine);
        }
      }
    },
  });
}

Deno.test({
  name: "embeddings have the same bits alone, among others, in chunks, after preemption and on one thread",
  ...needs,
  async fn() {
    const model = await modelOf("llama");
    const texts = Array.from({ length: 12 }, (_, i) => PROMPT.slice(i % 3, 20 + i * 4));
    const prompts = [PROMPT.slice(0, 5), PROMPT.slice(0, 30)];
    const generateAll = (engine: Engine) =>
      prompts.map((prompt, i) =>
        collect(engine.generate(requestOf(`g${i}`, [...prompt], { maxTokens: 40, ignoreEos: true, seed: i })))
      );
    for (const pooling of ["mean", "last", "cls"] as const) {
      const config = { pooling, isNormalised: false };
      await using quiet = await engineOf(model, config);
      const alone: Float32Array[] = [], tokens: (readonly number[])[] = [];
      for (const [i, text] of texts.entries()) alone.push((await embed(quiet, `e${i}`, text)).embedding);
      for (const generation of generateAll(quiet)) tokens.push((await generation).tokens);
      await using busy = await engineOf(model, config, {
        chunkedPrefillSize: 16,
        threads: 1,
        maxTotalTokens: 128,
        speculativeAlgorithm: "NGRAM",
        speculativeNumDraftTokens: 4,
      });
      const generations = generateAll(busy);
      const submitted = Promise.all(texts.map((text, i) => embed(busy, `e${i}`, text)));
      // A pause preempts what has read a part of its text.
      let isOver = false;
      const end = () => isOver = true;
      submitted.then(end, end);
      while (!isOver) {
        await busy.control.pause("retract");
        await busy.control.resume();
      }
      const embeddings = await submitted;
      assert.deepEqual(embeddings.map(({ embedding }) => embedding), alone, pooling);
      assert.deepEqual((await Promise.all(generations)).map((update) => update.tokens), tokens, pooling);
      // With cls a text is done with its first chunk.
      const isPreempted = embeddings.some(({ usage }) => usage.numPreemptions > 0);
      assert.equal(isPreempted, pooling !== "cls", pooling);
      await assertNoLeak(busy);
    }
  },
});

Deno.test({
  name: "hidden states of a generation are the final norm's rows that its tokens were drawn after",
  ...needs,
  async fn() {
    const model = await modelOf("granite"), states = expectedStates(model), width = states[0]!.length;
    await using engine = await engineOf(model, { pooling: "last", isNormalised: false }, {
      speculativeAlgorithm: "NGRAM",
      speculativeNumDraftTokens: 4,
      chunkedPrefillSize: 16,
    });
    const sampling = { maxTokens: 24, ignoreEos: true, temperature: 0 };
    const full = { ...requestOf("a", [...PROMPT], sampling), hiddenStates: "full" } as const;
    // The second time the prompt is cached and drafts are known: all rows come again.
    for (const requestId of ["a", "b"]) {
      const { tokens, hiddenStates = [], usage } = await collect(engine.generate({ ...full, requestId }));
      assert.equal(hiddenStates.length, tokens.length);
      assert.equal(usage.numCachedTokens, 0);
      const [block, ...rows] = hiddenStates;
      assert.equal(block!.length, PROMPT.length * width);
      for (const [i, state] of states.entries()) {
        assertNear(block!.subarray(i * width, (i + 1) * width), state, `position ${i}`);
      }
      for (const [i, row] of rows.entries()) {
        const prefix = Int32Array.of(...PROMPT, ...tokens.slice(0, i + 1));
        assert.deepEqual(row, (await embed(engine, `${requestId}${i}`, prefix)).embedding, `token ${i + 1}`);
      }
      const request = { ...full, requestId: `${requestId}-last`, hiddenStates: "last" } as const;
      const last = await collect(engine.generate(request));
      assert.deepEqual([last.tokens, last.hiddenStates], [tokens, [hiddenStates.at(-1)]]);
    }
    const none = { ...full, sampling: { ...full.sampling, maxTokens: 0 } };
    const { hiddenStates } = await collect(engine.generate(none));
    assert.deepEqual(hiddenStates?.map(({ length }) => length), [PROMPT.length * width]);
  },
});

Deno.test({
  name: "an embedding that is aborted, too long, empty or cut to nothing fails, and leaves nothing behind",
  ...needs,
  async fn() {
    await using engine = await engineOf(await modelOf("llama"), { pooling: "mean", isNormalised: true }, {
      chunkedPrefillSize: 16,
      contextLength: 128,
    });
    const long = Int32Array.from({ length: 127 }, (_, i) => i % 100);
    const controller = new AbortController();
    const left = engine.embed({ requestId: "left", promptTokens: long }, controller.signal);
    const named = engine.embed({ requestId: "named", promptTokens: long });
    controller.abort();
    assert.equal(engine.abort("named", "enough"), 1);
    await Promise.all([
      assert.rejects(left, { code: "aborted" }),
      assert.rejects(named, { code: "aborted", message: /enough/ }),
    ]);
    const invalid = (promptTokens: Int32Array, dimensions?: number) =>
      assert.rejects(embed(engine, "bad", promptTokens, dimensions), { code: "invalid_request" });
    await invalid(new Int32Array(0));
    await invalid(Int32Array.of(100_000));
    await invalid(Int32Array.from({ length: 128 }, () => 1));
    await invalid(Int32Array.of(1), 65);
    await assert.rejects(
      engine.embed({ requestId: "late", promptTokens: long }, AbortSignal.abort()),
      { name: "AbortError" },
    );
    assert.equal((await embed(engine, "good", long)).embedding.length, 64);
    await assertNoLeak(engine);
  },
});
