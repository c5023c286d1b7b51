/**
 * Changes to logits, and what `aerie_sample` reports: logprobs, ranks, queried tokens.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { TicketId } from "../../ffi/handles.ts";
import { SamplerArrays } from "../../ffi/sampler.ts";
import { rowsAt } from "../support/batches.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertEachClose } from "../support/close.ts";
import { assertNative, Status } from "../support/misuse.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";
import { softmax } from "../support/reference.ts";
import { addDraw, chiSquareExcess, type Draw, drawRows } from "../support/samplers.ts";

testEachBackend("penalties and bias change the named logits of their row and no other", (context) => {
  const logits = [
    Float32Array.of(2, -2, 0, 1, 5),
    Float32Array.of(1, 1, 1, 1, 1),
    Float32Array.of(3, -3, 3, 0, 0),
  ];
  const changes = [
    [{ token: 0, seen: true, count: 3, bias: 0.5 }, { token: 1, seen: true }, { token: 3, bias: -1 }],
    [],
    [{ token: 0, seen: true, count: 1 }, { token: 1, seen: true, count: 2 }, { token: 4, bias: -Infinity }],
  ];
  const penalties = [
    { repetition: 2, frequency: 0.25, presence: 1 },
    { repetition: 9, frequency: 9, presence: 9 },
    { repetition: 1.5, frequency: -1, presence: -0.5 },
  ];
  const rows = changes.map((changes, r) => ({ changes, ...penalties[r]! }));
  const changed = drawRows(context, logits, rows);
  const expected = [
    [2 / 2 - 3 * 0.25 - 1 + 0.5, -2 * 2, 0, 1 - 1, 5],
    [1, 1, 1, 1, 1],
    [3 / 1.5 + 1 + 0.5, -3 * 1.5 + 2 + 0.5, 3, 0, -Infinity],
  ];
  assert.deepEqual([...changed.logits], expected.flat());
  assert.deepEqual([...changed.tokens], [4, 0, 0]);
});

testEachBackend("changes count for one write of the sampler only and move draws and logprobs", (context) => {
  const logits = [Float32Array.of(0, 1, 2, 3)];
  const changes = [{ token: 3, bias: -Infinity }, { token: 0, bias: 4 }], row = { numTop: 4 };
  const changed = drawRows(context, logits, [{ ...row, changes }]);
  assert.deepEqual(changed.tokens[0], 0);
  assert.deepEqual(changed.top[0]!.map(([token]) => token), [0, 2, 1, 3]);
  const p = softmax([4, 1, 2, -Infinity]);
  assertEachClose(
    changed.top[0]!.slice(0, 3).map(([, value]) => value),
    [p[0]!, p[2]!, p[1]!].map(Math.log),
    2e-6,
    "top",
  );
  assert.equal(changed.top[0]![3]![1], -Infinity);
  assert.equal(drawRows(context, logits, [row]).tokens[0], 3);
});

testEachBackend("a banned token is never drawn, the rest keep their shares", (context) => {
  const logits = Float32Array.of(1, 0.5, 0, 3, -1, 0.2);
  const count = 2000;
  const changes = [{ token: 3, bias: -Infinity }];
  const rows = Array.from(
    { length: count },
    (_, position) => ({ temperature: 1, seed: 5, position, changes }),
  );
  const { tokens } = drawRows(context, [logits], rows);
  const p = softmax(logits.map((value, token) => token === 3 ? -Infinity : value));
  assert.ok(chiSquareExcess(tokens, p) < 4);
});

testEachBackend("logprobs are the log-softmax at the row's temperature", (context) => {
  const random = seededRandom(81);
  for (const vocabSize of [5, 16, 100, 4099]) {
    for (const temperature of [0, 0.5, 1, 2]) {
      const logits = normals(random, vocabSize).map((value) => 4 * value), numTop = Math.min(8, vocabSize);
      const scaled = Array.from(logits, (value) => value / (temperature || 1));
      const logprobs = softmax(scaled).map(Math.log), label = `${vocabSize} tokens at ${temperature}`;
      const drawn = drawRows(context, [logits], [{ temperature, numTop, seed: 3, position: 9 }]);
      assertEachClose([drawn.logprobs[0]!], [logprobs[drawn.tokens[0]!]!], 2e-6, label);
      const order = [...logprobs.keys()].sort((a, b) => logprobs[b]! - logprobs[a]!).slice(0, numTop);
      assert.deepEqual(drawn.top[0]!.map(([token]) => token), order, label);
      assertEachClose(
        drawn.top[0]!.map(([, value]) => value),
        order.map((token) => logprobs[token]!),
        2e-6,
        label,
      );
    }
  }
});

testEachBackend(
  "a target is reported instead of drawn, alternatives tie towards the lower token",
  (context) => {
    const logits = Float32Array.of(1, 3, 3, 0, 3, 2);
    const rows = [
      { target: 3, numTop: 4 },
      { temperature: 1, target: 5, numTop: 0, seed: 1 },
      { target: 0 },
    ];
    const drawn = drawRows(context, [logits], rows);
    assert.deepEqual([...drawn.tokens], [3, 5, 0]);
    assert.deepEqual(drawn.top[0]!.map(([token]) => token), [1, 2, 4, 5]);
    const logprobs = softmax(logits).map(Math.log);
    assertEachClose(drawn.logprobs.subarray(0, 2), [logprobs[3]!, logprobs[5]!], 2e-6, "targets");
  },
);

testEachBackend(
  "ranks and queried tokens are reported, drawn or targeted, with logprobs or without",
  (context) => {
    const random = seededRandom(82);
    for (const vocabSize of [5, 16, 100, 4099]) {
      const logits = normals(random, vocabSize).map((value) => 4 * value), largest = Math.max(...logits);
      const targets = [0, vocabSize - 1, logits.indexOf(largest)],
        queries = [vocabSize - 1, 0, vocabSize >> 1];
      const rows = [0, 0.5, 2].flatMap((temperature) => [
        ...targets.map((target) => ({ temperature, target, numTop: 3, reportsRank: true, queries })),
        { temperature, seed: 4, position: 2, numTop: 0, reportsRank: true, queries: queries.slice(1) },
        { temperature, seed: 4, position: 3, queries },
        { temperature, seed: 4, position: 3, numTop: 1 },
      ]);
      const drawn = drawRows(context, [logits], rows);
      rows.forEach((row, r) => {
        const label = `${vocabSize} tokens, ${JSON.stringify(row)}`, own = logits[drawn.tokens[r]!]!;
        const logprobs = softmax(Array.from(logits, (value) => value / (row.temperature || 1))).map(Math.log);
        const asked = "queries" in row ? row.queries : [];
        const rank = "reportsRank" in row ? 1 + logits.filter((value) => value > own).length : 0;
        assert.equal(drawn.ranks[r], rank, label);
        assertEachClose(drawn.queryLogprobs[r]!, asked.map((token) => logprobs[token]!), 2e-6, label);
        asked.forEach((token, n) => {
          if (token !== drawn.tokens[r] || !("numTop" in row)) return;
          assert.equal(drawn.queryLogprobs[r]![n], drawn.logprobs[r], label);
        });
      });
    }
  },
);

testEachBackend("logits of equal value share a rank", (context) => {
  const logits = Float32Array.of(...[1, 3, 3, 0, 3, 2], ...new Array(20).fill(-1), 3);
  const rows = [1, 2, 26, 5, 0, 3, 7].map((target) => ({ target, reportsRank: true }));
  assert.deepEqual([...drawRows(context, [logits], rows).ranks], [1, 1, 1, 5, 6, 7, 8]);
});

testEachBackend("the last four launches' results are there, each with its own parameters", (context) => {
  const vocabSize = 50, graphLogits = tensorOf(context, normals(seededRandom(83), 2 * vocabSize), vocabSize);
  const arrays = new SamplerArrays(context, 2, vocabSize, 3);
  const graph = context.record(() => arrays.forward(graphLogits));
  const logits = readRows(context, graphLogits, 2, vocabSize);
  const launches = Array.from({ length: 6 }, (_, i) => ({
    rows: Array.from({ length: 1 + i % 2 }, (_, r): Draw => ({
      temperature: 1 + i,
      seed: i,
      position: r,
      numTop: 2,
      queries: [i, r],
    })),
  }));
  const tickets = launches.map(({ rows }) => {
    arrays.clear();
    for (const row of rows) addDraw(arrays, row);
    arrays.write();
    return context.launch(graph);
  });
  const both = [logits.slice(0, vocabSize), logits.slice(vocabSize)];
  const expectDrawn = (rows: readonly Draw[]) => {
    const expected = drawRows(context, rows.map((_, r) => both[r]!), rows), count = rows.length;
    assert.deepEqual(arrays.tokens.subarray(0, count), expected.tokens);
    assert.deepEqual(arrays.logprobs.subarray(0, count), expected.logprobs);
  };
  // The newest first, which nobody has waited for.
  arrays.read(2, tickets[5]);
  expectDrawn(launches[5]!.rows);
  launches.slice(2).forEach(({ rows }, i) => {
    arrays.read(rows.length, tickets[i + 2]);
    expectDrawn(rows);
  });
  arrays.read(2);
  expectDrawn(launches[5]!.rows);
  for (const ticket of tickets.slice(0, 2)) {
    assertNative(() => arrays.read(1, ticket), Status.badHandle, /launch \d+ is not among the last 4/);
  }
  assertNative(() => arrays.read(1, 99 as TicketId), Status.badHandle, /sampler_read: not one of the last/);
  assertNative(() => arrays.read(2, tickets[4]), Status.badShape, /sampler_read: 2 rows of 1/);
});

testEachBackend("logprobs of more queries than the array holds are not read", (context) => {
  const arrays = new SamplerArrays(context, 1, 4, 0), logits = context.createTensor(1, 4);
  const graph = context.record(() => arrays.forward(logits));
  addDraw(arrays, { queries: [0, 1, 2] });
  arrays.write();
  const ticket = context.launch(graph);
  arrays.clear();
  addDraw(arrays, { queries: [3] });
  arrays.write();
  assertNative(
    () => arrays.read(1, ticket),
    Status.badShape,
    /sampler_read: room for 1 of 3 queries/,
  );
  arrays.read(1, context.launch(graph));
  assert.ok(Math.abs(arrays.queryLogprob(0, 0) + Math.log(4)) < 1e-6);
});

testEachBackend("a launch that draws twice with one sampler keeps what it drew last", (context) => {
  const arrays = new SamplerArrays(context, 1, 3, 0);
  const [first, second] = [[0, 9, 0], [0, 0, 9]].map((row) => tensorOf(context, Float32Array.from(row), 3));
  addDraw(arrays, {});
  arrays.write();
  const ticket = context.launch(context.record(() => {
    arrays.forward(first!);
    arrays.forward(second!);
  }));
  for (const drawn of [ticket, undefined]) {
    arrays.tokens.fill(-1);
    arrays.read(1, drawn);
    assert.deepEqual([...arrays.tokens], [2], `${drawn}`);
  }
});

testEachBackend("rows of parameters past the outputs draw nothing", (context) => {
  const batch = context.createBatch({ rows: 3, segments: 1, pages: 1, outputs: 3 });
  const vocabSize = 5, whole = Float32Array.from({ length: 3 * vocabSize }, (_, i) => i % vocabSize);
  for (const scope of ["outputs", "outputSlice"] as const) {
    const arrays = new SamplerArrays(context, 3, vocabSize, 0);
    const logits = context.batchTensor(batch, scope, vocabSize);
    context.writeTensor(logits, whole, 0, 3);
    context.writeBatch(batch, rowsAt([0, 1, 2], { outputs: [0, 2] }));
    for (let i = 0; i < 3; i++) addDraw(arrays, {});
    arrays.write();
    arrays.forward(logits);
    arrays.read(3);
    assert.deepEqual([...arrays.tokens], [4, 4, 0], scope);
  }
});
