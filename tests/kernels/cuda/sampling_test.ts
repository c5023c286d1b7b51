/**
 * Drawing on the CUDA backend: the CPU's draws bit for bit, in graphs too; its copies; its kernels on the simulator.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Context } from "../../../ffi/context.ts";
import * as ops from "../../../ffi/ops.ts";
import { SamplerArrays } from "../../../ffi/sampler.ts";
import { rowsAt } from "../../support/batches.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { assertSameBits } from "../../support/close.ts";
import { forgetCounts, inject, openSimulated, simCounts, testSimulated } from "../../support/cuda_sim.ts";
import { assertNative, Status } from "../../support/misuse.ts";
import { libraryPath, mapBytes, normals, tensorOf } from "../../support/native.ts";
import { addDraw, type Draw, drawRows, maskWords } from "../../support/samplers.ts";
import { samplingPrograms, SCHEDULES } from "../../support/sim_programs.ts";

/** Rows with every parameter that there is, in many mixtures. */
function mixedRows(count: number, vocabSize: number, random: () => number): Draw[] {
  const token = () => Math.floor(random() * vocabSize);
  const sometimes = <T>(value: T, other: T) => random() < 0.4 ? value : other;
  return Array.from({ length: count }, (_, i) => ({
    temperature: [0, 0.3, 1, 1.7][i % 4]!,
    topK: sometimes(1 + Math.floor(random() * 50), 0),
    topP: sometimes(0.3 + 0.7 * random(), 1),
    minP: sometimes(random() / 5, 0),
    seed: Math.floor(random() * 2 ** 32),
    seedHigh: i,
    position: token(),
    target: sometimes(token(), -1),
    numTop: Math.min(Math.floor(random() * 10) - 1, vocabSize),
    repetition: 1.3,
    frequency: 0.2,
    presence: 0.1,
    // Several changes of one token count in their order.
    changes: Array.from({ length: i % 5 ? i % 3 : 600 }, () => ({
      token: Math.floor(token() / 3),
      count: Math.floor(random() * 3),
      seen: random() < 0.5,
      bias: random() - 0.5,
    })),
    queries: Array.from({ length: i % 3 }, token),
    reportsRank: i % 2 === 0,
    mask: i % 4 - 1,
  }));
}

/** The masks of {@linkcode mixedRows}, as far as `count` rows name them: of most tokens, of few, and of none. */
function randomMasks(vocabSize: number, count: number, random: () => number): Uint32Array<ArrayBuffer> {
  const allowed = [() => random() < 0.9, () => random() < 0.1, () => false];
  return maskWords(vocabSize, allowed.slice(0, count));
}

testSimulated("draws, logprobs and ranks are the CPU's, bit for bit", () => {
  using simulated = openSimulated();
  using cpu = new Context(libraryPath, { device: "cpu", threads: 2 });
  const random = seededRandom(61);
  // One token; a chunk and a tile that are not full; several tiles, the last of one token.
  for (const [vocabSize, count] of [[1, 3], [17, 40], [1025, 40], [4096, 8], [8193, 24]] as const) {
    const logits = Array.from({ length: count }, () => normals(random, vocabSize).map((value) => 3 * value));
    const rows = mixedRows(count, vocabSize, random);
    const masks = randomMasks(vocabSize, count, random);
    const expected = drawRows(cpu, logits, rows, masks), actual = drawRows(simulated, logits, rows, masks);
    assertSameBits(actual.logits, expected.logits, "changed logits");
    assert.deepEqual({ ...actual, logits: 0 }, { ...expected, logits: 0 }, `vocabulary of ${vocabSize}`);
  }
});

testSimulated("filters that keep more tokens than shared memory holds draw what the CPU draws", () => {
  using simulated = openSimulated();
  using cpu = new Context(libraryPath, { device: "cpu", threads: 2 });
  const vocabSize = 9000, flat = new Float32Array(vocabSize);
  const logits = normals(seededRandom(62), vocabSize).map((value) => value / 4);
  const rows = [{ topP: 0.9 }, { topP: 0.999 }, { topK: 8000 }, { topK: 8999, topP: 0.99 }, { minP: 1e-9 }];
  for (const row of [logits, flat]) {
    const draws = rows.map((filter, seed) => ({ temperature: 1, ...filter, seed }));
    assert.deepEqual(drawRows(simulated, [row], draws).tokens, drawRows(cpu, [row], draws).tokens);
  }
});

const VOCAB = 70, MAX_OUTPUTS = 600;

/** A graph that gathers logits by the rows of a batch and draws from them in slices. */
class DrawingForward {
  readonly #context: Context;
  readonly #batch;
  readonly sampler: SamplerArrays;
  readonly graph;
  readonly logits: readonly Float32Array[];

  constructor(context: Context) {
    this.#context = context;
    const random = seededRandom(63);
    this.logits = Array.from({ length: 9 }, () => normals(random, VOCAB).map((value) => 2 * value));
    const known = tensorOf(context, new Float32Array(this.logits.flatMap((row) => [...row])), VOCAB);
    const size = { rows: MAX_OUTPUTS, segments: 1, pages: 1, outputs: MAX_OUTPUTS };
    const batch = this.#batch = context.createBatch(size);
    const identity = context.createWeight(VOCAB, VOCAB);
    const ones = Float32Array.from({ length: VOCAB * VOCAB }, (_, i) => i % (VOCAB + 1) ? 0 : 1);
    const file = mapBytes(context, new Uint8Array(ones.buffer));
    context.appendWeight(identity, { file, offset: 0, format: "F32" }, VOCAB, 0);
    context.packWeight(identity, "float32");
    const all = context.batchTensor(batch, "rows", VOCAB),
      wanted = context.batchTensor(batch, "outputs", VOCAB),
      slice = context.batchTensor(batch, "outputSlice", VOCAB);
    const sampler = this.sampler = new SamplerArrays(context, MAX_OUTPUTS, VOCAB, 4);
    this.graph = context.record(() => {
      ops.gatherRows(context, all, known, batch, 0);
      ops.gatherOutputs(context, wanted, all, batch);
      ops.linear(context, slice, wanted, identity);
      sampler.forward(slice);
    });
  }

  /** Row i of the batch has the logits of number i % 9. */
  write(count: number): void {
    const rows = Array.from({ length: count }, (_, i) => i), sources = Int32Array.from(rows, (i) => i % 9);
    this.#context.writeBatch(this.#batch, { ...rowsAt(rows, { outputs: rows }), sources });
  }

  writeDraws(rows: readonly Draw[], masks?: Uint32Array<ArrayBuffer>): void {
    this.sampler.clear();
    for (const row of rows) addDraw(this.sampler, row);
    if (masks) this.sampler.mask(masks);
    this.sampler.write();
  }
}

testSimulated("a captured graph draws as the host last said, of as many outputs as there are", () => {
  using context = openSimulated();
  const forward = new DrawingForward(context), { sampler } = forward;
  for (const outputs of [2, 40, 600]) context.prepare(forward.graph, { rows: outputs, segments: 1, outputs });
  const random = seededRandom(64);
  // The last ones have more parameters and results than there was room for when the graphs were captured.
  for (const [count, numQueries] of [[2, 0], [1, 1], [40, 2], [300, 1], [3, 20000], [2, 0]] as const) {
    const queries = Array.from({ length: numQueries }, (_, i) => i % VOCAB);
    const rows = mixedRows(count, VOCAB, random).map((row) => ({
      ...row,
      numTop: Math.min(row.numTop!, 4),
      queries,
    }));
    const masks = randomMasks(VOCAB, count, random);
    forward.write(count);
    forward.writeDraws(rows, masks);
    forgetCounts();
    const ticket = context.launch(forward.graph);
    assert.equal(simCounts().graphLaunches, 1);
    sampler.read(count, ticket);
    const expected = drawRows(context, rows.map((_, i) => forward.logits[i % 9]!), rows, masks);
    assert.deepEqual(sampler.tokens.subarray(0, count), expected.tokens, `${count} outputs`);
    assert.deepEqual(sampler.logprobs.subarray(0, count), expected.logprobs);
    assert.deepEqual(sampler.ranks.subarray(0, count), expected.ranks);
    rows.forEach((row, r) =>
      row.queries.forEach((_, n) => assert.equal(sampler.queryLogprob(r, n), expected.queryLogprobs[r]![n]))
    );
  }
});

testSimulated(
  "batch and parameters are one copy to the device, results one to the host, and one wait",
  () => {
    using context = openSimulated();
    const forward = new DrawingForward(context), count = 8;
    context.prepare(forward.graph, { rows: count, segments: 1, outputs: count });
    const rows = Array.from({ length: count }, (_, i) => ({ temperature: 1, seed: i, numTop: 3 }));
    const counted = (work: () => void) => {
      forgetCounts();
      work();
      const { graphLaunches, launches, copiesToDevice, copiesToHost, waits, memsets } = simCounts();
      return { graphLaunches, launches, copiesToDevice, copiesToHost, waits, memsets };
    };
    const step = (position: number) => {
      forward.write(count);
      forward.writeDraws(rows.map((row) => ({ ...row, position })));
      const ticket = context.launch(forward.graph);
      context.wait(ticket);
      forward.sampler.read(count, ticket);
    };
    step(0);
    const once = { graphLaunches: 1, launches: 0, copiesToDevice: 1, copiesToHost: 1, waits: 1, memsets: 0 };
    for (const position of [1, 2, 3]) assert.deepEqual(counted(() => step(position)), once);
    const withoutBatch = counted(() => {
      forward.writeDraws(rows);
      forward.sampler.read(count, context.launch(forward.graph));
    });
    assert.deepEqual(withoutBatch, once, "parameters alone");
    const expected = forward.sampler.tokens.slice(0, count);
    const unchanged = counted(() => forward.sampler.read(count, context.launch(forward.graph)));
    assert.deepEqual(unchanged, { ...once, copiesToDevice: 0 }, "neither");
    assert.deepEqual(forward.sampler.tokens.subarray(0, count), expected);
    const masked = (bit: number) =>
      counted(() => {
        forward.write(count);
        forward.writeDraws(
          rows.map((row) => ({ ...row, mask: 0 })),
          maskWords(VOCAB, [(token) => token >= bit]),
        );
        forward.sampler.read(count, context.launch(forward.graph));
      });
    masked(1);
    assert.deepEqual(masked(2), { ...once, copiesToDevice: 2 }, "masks are a copy more");
  },
);

testSimulated("what a failed launch drew is not there", () => {
  try {
    using context = openSimulated();
    const forward = new DrawingForward(context);
    forward.write(1);
    forward.writeDraws([{}]);
    context.run(forward.graph);
    forward.sampler.read(1);
    inject("kernel:draw_each_row", 1, 719);
    assertNative(
      () => forward.sampler.read(1, context.launch(forward.graph)),
      Status.device,
      /CUDA error 719/,
    );
  } finally {
    inject();
  }
});

const CASES = [
  "rows_draw_the_same_whatever_is_beside_them",
  "rows_beyond_the_parameters_or_the_outputs_draw_nothing",
  "logits_that_are_not_finite_are_survived",
];

for (const schedule of SCHEDULES) {
  Deno.test(`cuda: sampling [checked, ${schedule}]`, async () => {
    for (const name of CASES) {
      await samplingPrograms.passSilently("checked", name, { AERIE_SIM_SEED: schedule });
    }
  });
}

for (const device of ["sm_80", "sm_90"]) {
  Deno.test(`cuda: sampling reads logits as often as docs/cuda.md says [${device}]`, async () => {
    await samplingPrograms.passSilently("checked", "logits_are_read_a_few_times", {
      AERIE_SIM_DEVICE: device,
    });
  });
}
