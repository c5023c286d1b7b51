/**
 * `aerie_sample`: greedy choice, the distributions behind temperature and filters, and what a draw depends on.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Context } from "../../ffi/context.ts";
import { seededRandom } from "../support/block_formats.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, withContext } from "../support/native.ts";
import { philox, philoxUniform } from "../support/philox.ts";
import { chiSquareExcess, type Draw, drawRows, targetDistribution } from "../support/samplers.ts";

/** Above this many standard deviations a draw does not follow its distribution; seeds are fixed. */
const MAX_EXCESS = 4;

Deno.test("the Philox reference gives the paper's known answers", () => {
  const ones = 0xffffffff;
  assert.deepEqual(philox([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  assert.deepEqual(
    philox([ones, ones, ones, ones], [ones, ones]),
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  );
  assert.deepEqual(
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});

testEachBackend("draws use Philox 4x32-10 keyed by the 64-bit seed and counted by position", (context) => {
  const vocabSize = 1 << 16; // equal logits: the token is the number's first 16 bits
  const numbers = [0, 1, 2, 77, 4096, 0x7fffffff], halves = [0, 1, 12345, 0x80000000, 0xffffffff];
  const rows = numbers.flatMap((position) =>
    halves.flatMap((seedHigh) => halves.map((seed) => ({ temperature: 1, seed, seedHigh, position })))
  );
  const { tokens } = drawRows(context, [new Float32Array(vocabSize)], rows);
  const expected = rows.map(({ seed, seedHigh, position }) =>
    Math.floor(philoxUniform([seed, seedHigh], position) * vocabSize)
  );
  assert.deepEqual([...tokens], expected);
});

testEachBackend("temperature 0 takes the largest logit, the lowest token of equals", (context) => {
  const random = seededRandom(71);
  for (const vocabSize of [1, 2, 15, 16, 17, 50, 1024, 5003]) {
    const logits = Array.from({ length: 12 }, () => normals(random, vocabSize).map((value) => value - 10));
    const expected = logits.map((row) => {
      const winners = Array.from({ length: 3 }, () => Math.floor(random() * vocabSize));
      for (const token of winners) row[token] = 3;
      return Math.min(...winners);
    });
    const { tokens } = drawRows(context, logits, logits.map(() => ({ topK: 2, topP: 0.1, minP: 0.5 })));
    assert.deepEqual([...tokens], expected, `vocabulary of ${vocabSize}`);
  }
});

testEachBackend("NaN is below all logits, wherever it stands", (context) => {
  const random = seededRandom(76), numTop = 8;
  for (const vocabSize of [9, 33, 200, 5003]) {
    const logits = Array.from({ length: 40 }, (_, r) => {
      const row = normals(random, vocabSize);
      row.forEach((_, token) => random() < (r + 1) / 50 && (row[token] = NaN));
      row[r % vocabSize] = NaN;
      return row;
    });
    const { tokens, top, ranks } = drawRows(
      context,
      logits,
      logits.map(() => ({ numTop, reportsRank: true })),
    );
    logits.forEach((row, r) => {
      const order = [...row.keys()].sort((a, b) => {
        const [x, y] = [row[a]!, row[b]!];
        return Number(isNaN(x)) - Number(isNaN(y)) || (isNaN(x) ? 0 : y - x) || a - b;
      });
      const name = `row ${r} of ${vocabSize} tokens`;
      assert.deepEqual(top[r]!.map(([token]) => token), order.slice(0, numTop), name);
      assert.equal(tokens[r], order[0], name);
      assert.equal(ranks[r], 1, name);
    });
  }
});

/** Draws `count` tokens, each at another seed and position, and compares them with the target distribution. */
function checkDraws(context: Context, logits: Float32Array, row: Draw, count: number, label: string): void {
  const rows = Array.from(
    { length: count },
    (_, i) => ({ ...row, seed: i % 7, position: Math.floor(i / 7) }),
  );
  const { tokens } = drawRows(context, [logits], rows);
  const excess = chiSquareExcess(tokens, targetDistribution(logits, row));
  assert.ok(excess < MAX_EXCESS, `${label} ${JSON.stringify(row)}: chi-square is ${excess} deviations off`);
}

testEachBackend("draws follow softmax at a temperature under every filter and their mixtures", (context) => {
  const logits = normals(seededRandom(72), 24).map((value) => 2 * value);
  const rows: Draw[] = [
    { temperature: 1 },
    { temperature: 0.3 },
    { temperature: 5 },
    { temperature: 1, topK: 1 },
    { temperature: 1, topK: 5 },
    { temperature: 2, topK: 24 },
    { temperature: 2, topK: 1000 },
    { temperature: 1, topP: 0.01 },
    { temperature: 1, topP: 0.5 },
    { temperature: 1.5, topP: 0.95 },
    { temperature: 1, minP: 0.1 },
    { temperature: 2, minP: 0.5 },
    { temperature: 1, minP: 1 },
    { temperature: 2, topK: 10, topP: 0.8 },
    { temperature: 2, topK: 4, topP: 0.99, minP: 0.05 },
    { temperature: 3, topP: 0.9, minP: 0.2 },
  ];
  for (const row of rows) checkDraws(context, logits, row, 3000, "24 tokens");
});

testEachBackend("filters keep deep tails and draws reach the end of a large vocabulary", (context) => {
  const random = seededRandom(73), vocabSize = 3001;
  // One peak over a plain: the mass of the plain, not its height, decides what top_p keeps.
  const plain = (depth: number) =>
    Float32Array.from({ length: vocabSize }, (_, i) => i === 1234 ? 0 : -depth);
  const spread = normals(random, vocabSize).map((value) => 3 * value);
  const cases: [Float32Array, Draw][] = [
    [plain(0.5), { temperature: 1 }],
    [plain(7), { temperature: 1, topP: 0.6 }],
    [plain(9), { temperature: 1, topP: 0.9999 }],
    [plain(12), { temperature: 1, topK: 1500 }],
    [spread, { temperature: 1 }],
    [spread, { temperature: 1, topP: 0.9 }],
    [spread, { temperature: 1, topK: 40, topP: 0.95 }],
    [spread, { temperature: 1, minP: 0.001 }],
  ];
  for (const [logits, row] of cases) checkDraws(context, logits, row, 700, "3001 tokens");
});

testEachBackend("a draw depends on logits, seed and position alone", (context) => {
  const random = seededRandom(74), vocabSize = 200;
  const logits = Array.from({ length: 40 }, () => normals(random, vocabSize).map((value) => 2 * value));
  const rows = logits.map((_, i): Draw => ({
    temperature: 0.5 + random(),
    topK: i % 3 === 0 ? 0 : 20,
    topP: i % 2 === 0 ? 1 : 0.8,
    minP: i % 5 === 0 ? 0.02 : 0,
    seed: Math.floor(random() * 2 ** 32),
    position: Math.floor(random() * 5000),
  }));
  const together = drawRows(context, logits, rows).tokens;
  assert.ok(new Set(together).size > 10, "the draws differ");
  rows.forEach((row, i) => {
    assert.equal(drawRows(context, [logits[i]!], [row]).tokens[0], together[i], `row ${i} alone`);
    const withLogprobs = drawRows(context, [logits[i]!], [{ ...row, numTop: 5 }]);
    assert.equal(withLogprobs.tokens[0], together[i], `row ${i} with logprobs`);
  });
  const reversed = drawRows(context, logits.toReversed(), rows.toReversed()).tokens;
  assert.deepEqual(reversed.toReversed(), together);
});

Deno.test("draws do not depend on the number of threads", () => {
  const logits = normals(seededRandom(75), 5000);
  const rows = Array.from({ length: 64 }, (_, i) => ({
    temperature: 1,
    topP: i % 2 ? 1 : 0.9,
    seed: i,
    position: i,
  }));
  const draw = (threads: number) =>
    withContext("portable", threads, (context) => drawRows(context, [logits], rows).tokens);
  for (const threads of [2, 3, 4]) assert.deepEqual(draw(threads), draw(1), `${threads} threads`);
});

testEachBackend("a logit of NaN hides no other token", (context) => {
  for (const vocabSize of [40, 48]) {
    const sound = normals(seededRandom(76), vocabSize);
    const rows = Array.from(sound, (_, broken) => sound.map((logit, i) => i === broken ? NaN : logit));
    const best = rows.map((row) => row.indexOf(row.reduce((most, logit) => logit > most ? logit : most, -9)));
    for (const row of [{}, { temperature: 1, topK: 1 }]) {
      const { tokens } = drawRows(context, rows, rows.map(() => row));
      assert.deepEqual([...tokens], best);
    }
  }
});

testEachBackend("logits that are not finite yield known tokens and spare their neighbours", (context) => {
  for (const vocabSize of [40, 48]) {
    const sound = normals(seededRandom(76), vocabSize);
    const broken = [
      Float32Array.from({ length: vocabSize }, () => NaN),
      Float32Array.from({ length: vocabSize }, (_, i) => i === 5 ? NaN : i / 10),
      Float32Array.from({ length: vocabSize }, (_, i) => i % 7 === 5 ? Infinity : 0),
      Float32Array.from({ length: vocabSize }, () => -Infinity),
    ];
    const drawn = { temperature: 1, numTop: 3 };
    for (const row of [{}, drawn, { ...drawn, topK: 5 }, { ...drawn, minP: 0.1, topP: 0.5 }]) {
      const expected = drawRows(context, [sound], [row]).tokens[0];
      for (const logits of broken) {
        const { tokens } = drawRows(context, [sound, logits, sound], [row, row, row]);
        assert.ok(tokens[1]! >= 0 && tokens[1]! < vocabSize, `${JSON.stringify(row)}: drew ${tokens[1]}`);
        assert.deepEqual([tokens[0], tokens[2]], [expected, expected]);
      }
    }
  }
});
