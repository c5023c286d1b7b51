/**
 * Masks of `aerie_sample`: which tokens may be drawn, and what is then reported, against float64.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Context } from "../../ffi/context.ts";
import * as ops from "../../ffi/ops.ts";
import { SamplerArrays } from "../../ffi/sampler.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertEachClose } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, tensorOf } from "../support/native.ts";
import { softmax } from "../support/reference.ts";
import {
  addDraw,
  chiSquareExcess,
  type Draw,
  drawRows,
  maskWords,
  targetDistribution,
} from "../support/samplers.ts";

const NUM_TOP = 8;
/** Part of a word, of a vector, of a chunk and of a tile; several tiles. */
const VOCABULARIES = [1, 15, 33, 100, 1041, 5003];

/** Every filter by itself and some together, greedy and drawn. */
const FILTERS: readonly Draw[] = [
  {},
  { temperature: 1 },
  { temperature: 0.4, topK: 1 },
  { temperature: 1.5, topK: 30 },
  { temperature: 1, topP: 0.7 },
  { temperature: 1, minP: 0.1 },
  { temperature: 2, topK: 20, topP: 0.95, minP: 0.02 },
];

/** Masks of a vocabulary: dense, a half, sparse, one token, the last one, in words and vectors of their own. */
function masksOf(vocabSize: number, random: () => number): ((token: number) => boolean)[] {
  const share = (part: number) => {
    const kept = Array.from({ length: vocabSize }, () => random() < part);
    kept[Math.floor(random() * vocabSize)] = true;
    return (token: number) => kept[token]!;
  };
  const one = Math.floor(random() * vocabSize);
  return [
    share(0.97),
    share(0.5),
    share(0.01),
    (token) => token === one,
    (token) => token === vocabSize - 1,
    (token) => token >> 4 === one >> 4,
  ];
}

/** Logits with penalties and bias applied, and those of tokens that may not be drawn at -infinity. */
function maskedLogits(logits: Float32Array, row: Draw, allows: (token: number) => boolean): number[] {
  const { repetition = 1, frequency = 0, presence = 0, changes = [] } = row, changed = [...logits];
  for (const { token, count = 0, seen = false, bias = 0 } of changes) {
    let logit = changed[token]!;
    if (seen) logit = logit > 0 ? logit / repetition : logit * repetition;
    changed[token] = logit - frequency * count - (count > 0 ? presence : 0) + bias;
  }
  return changed.map((logit, token) => allows(token) ? logit : -Infinity);
}

testEachBackend(
  "tokens, logprobs, top lists, queries and ranks are those of the masked distribution",
  (context) => {
    const random = seededRandom(91);
    for (const vocabSize of VOCABULARIES) {
      const allowed = masksOf(vocabSize, random), token = () => Math.floor(random() * vocabSize);
      const rows = allowed.flatMap((_, mask) =>
        FILTERS.map((filter, i): Draw => ({
          ...filter,
          mask,
          seed: 3 * i,
          position: token(),
          numTop: Math.min(NUM_TOP, 3 * i),
          repetition: 1.3,
          frequency: 0.2,
          presence: 0.1,
          changes: Array.from(
            { length: i % 3 },
            () => ({ token: token(), count: i % 2, seen: i % 2 > 0, bias: random() }),
          ),
          queries: [token(), token()],
          reportsRank: true,
        }))
      );
      const logits = rows.map(() => normals(random, vocabSize).map((value) => 3 * value));
      const drawn = drawRows(context, logits, rows, maskWords(vocabSize, allowed));
      rows.forEach((row, r) => {
        const label = `${vocabSize} tokens, ${JSON.stringify(row)}`, allows = allowed[row.mask!]!;
        const masked = maskedLogits(logits[r]!, row, allows), own = drawn.tokens[r]!;
        const logprobs = softmax(masked.map((logit) => logit / (row.temperature || 1))).map(Math.log);
        assert.ok(allows(own), label);
        if (row.temperature) assert.ok(targetDistribution(masked, row)[own]! > 0, label);
        else assert.equal(own, masked.indexOf(Math.max(...masked)), label);
        assertEachClose([drawn.logprobs[r]!], [logprobs[own]!], 4e-6, label);
        const order = [...masked.keys()].filter(allows).sort((a, b) => masked[b]! - masked[a]! || a - b);
        const numTop = Math.min(row.numTop!, order.length), top = drawn.top[r]!;
        assert.deepEqual(top.slice(0, numTop).map(([token]) => token), order.slice(0, numTop), label);
        const expected = order.slice(0, numTop).map((token) => logprobs[token]!);
        assertEachClose(top.slice(0, numTop).map(([, value]) => value), expected, 4e-6, label);
        assert.ok(top.slice(numTop).every(([token, value]) => token === -1 && value === -Infinity), label);
        assert.equal(drawn.ranks[r], 1 + masked.filter((logit) => logit > masked[own]!).length, label);
        row.queries!.forEach((token, n) => {
          const logprob = drawn.queryLogprobs[r]![n]!;
          if (!allows(token)) assert.equal(logprob, -Infinity, label);
          else assertEachClose([logprob], [logprobs[token]!], 4e-6, label);
        });
        for (let token = 0; token < vocabSize; token++) {
          if (!allows(token)) assert.equal(drawn.logits[r * vocabSize + token], -Infinity, label);
        }
      });
    }
  },
);

testEachBackend("draws under a mask follow what it leaves of the distribution", (context) => {
  const logits = normals(seededRandom(92), 60).map((value) => 2 * value);
  const allows = (token: number) => token % 3 === 1 || token > 55, count = 2000;
  for (const filter of FILTERS.slice(1)) {
    const rows = Array.from({ length: count }, (_, i) => ({ ...filter, mask: 0, seed: i % 7, position: i }));
    const { tokens } = drawRows(context, [logits], rows, maskWords(60, [allows]));
    const p = targetDistribution(maskedLogits(logits, {}, allows), filter);
    assert.ok(chiSquareExcess(tokens, p) < 4, JSON.stringify(filter));
  }
});

/** Rows of all kinds, of which `mask` is the mask. */
function mixedRows(vocabSize: number, mask: number): Draw[] {
  return FILTERS.map((filter, i) => ({
    ...filter,
    mask,
    seed: i,
    position: i,
    numTop: Math.min(i, vocabSize),
    queries: [0, vocabSize - 1],
    changes: [{ token: i % vocabSize, seen: true, count: 1, bias: 0.5 }],
    repetition: 1.2,
    reportsRank: i % 2 > 0,
  }));
}

testEachBackend(
  "a mask of all tokens changes nothing, to the bit, nor do bits past the vocabulary",
  (context) => {
    for (const vocabSize of VOCABULARIES) {
      const logits = [normals(seededRandom(93), vocabSize).map((value) => 3 * value)];
      const free = drawRows(context, logits, mixedRows(vocabSize, -1));
      for (
        const words of [
          maskWords(vocabSize, [() => true]),
          new Uint32Array(Math.ceil(vocabSize / 32)).fill(~0),
        ]
      ) {
        assert.deepEqual(
          drawRows(context, logits, mixedRows(vocabSize, 0), words),
          free,
          `${vocabSize} tokens`,
        );
      }
      // What is past the vocabulary may not be drawn, whatever its bits say.
      const last = maskWords(vocabSize, [(token) => token === 0]);
      last[last.length - 1]! |= ~0 << (vocabSize % 32 || 31);
      const { tokens } = drawRows(context, logits, mixedRows(vocabSize, 0), last);
      assert.ok(tokens.every((token) => token === 0 || (vocabSize % 32 === 0 && token === vocabSize - 1)));
    }
  },
);

testEachBackend(
  "targets are reported of the whole distribution, whatever mask their row names",
  (context) => {
    const logits = [normals(seededRandom(94), 200)];
    const rows = (mask: number): Draw[] =>
      [3, 150].map((target) => ({ target, mask, numTop: 3, reportsRank: true, queries: [7] }));
    const words = maskWords(200, [(token) => token === 9]);
    assert.deepEqual(drawRows(context, logits, rows(0), words), drawRows(context, logits, rows(-1)));
  },
);

testEachBackend("a mask that allows no token draws -1 and spares its neighbours", (context) => {
  for (const vocabSize of [1, 33, 5003]) {
    const logits = [normals(seededRandom(95), vocabSize)];
    const expected = drawRows(context, logits, mixedRows(vocabSize, -1));
    const bound = mixedRows(vocabSize, 0).map((row) => ({ ...row, reportsRank: true, numTop: NUM_TOP }));
    const rows = mixedRows(vocabSize, -1).flatMap((row, i) => [row, bound[i]!]);
    // Its last word has bits past the vocabulary.
    const words = maskWords(vocabSize, [() => false]);
    words[words.length - 1]! |= ~0 << vocabSize % 32;
    const drawn = drawRows(context, logits, rows, words);
    const none = Array.from({ length: NUM_TOP }, () => [-1, -Infinity] as const);
    rows.forEach((_, r) => {
      if (r % 2 === 0) {
        assert.equal(drawn.tokens[r], expected.tokens[r / 2]);
        assert.deepEqual(drawn.top[r], expected.top[r / 2]);
        return;
      }
      assert.deepEqual([drawn.tokens[r], drawn.ranks[r], drawn.logprobs[r]], [-1, 0, -Infinity]);
      assert.deepEqual(drawn.top[r], none);
      assert.deepEqual(drawn.queryLogprobs[r], [-Infinity, -Infinity]);
    });
  }
});

testEachBackend("where no token that may be drawn has a finite logit, one of them is drawn", (context) => {
  const vocabSize = 70, allows = (token: number) => token === 20 || token === 40;
  const words = maskWords(vocabSize, [allows]);
  for (
    const [first, second, expected] of [[-Infinity, -Infinity, 20], [NaN, -Infinity, 40], [
      NaN,
      NaN,
      20,
    ]] as const
  ) {
    const logits = normals(seededRandom(96), vocabSize);
    logits[20] = first;
    logits[40] = second;
    // A bias of -infinity, as minTokens has it, does the same as the model.
    for (const filter of FILTERS) {
      const { tokens, top } = drawRows(context, [logits], [{ ...filter, mask: 0, numTop: 3 }], words);
      assert.equal(tokens[0], expected, JSON.stringify(filter));
      assert.deepEqual(new Set(top[0]!.map(([token]) => token)), new Set([20, 40, -1]));
    }
  }
  const changes = [20, 40].map((token) => ({ token, bias: -Infinity }));
  const { tokens } = drawRows(context, [normals(seededRandom(97), vocabSize)], [{ changes, mask: 0 }], words);
  assert.equal(tokens[0], 20);
});

testEachBackend("masks are written while the launch before runs, and are those of their write", (context) => {
  const vocabSize = 300, known = tensorOf(context, normals(seededRandom(98), 8 * vocabSize), vocabSize);
  const logits = context.createTensor(8, vocabSize), arrays = new SamplerArrays(context, 8, vocabSize, 0);
  const graph = context.record(() => {
    ops.add(context, logits, known, known, 0);
    arrays.forward(logits);
  });
  const tokensOf = (launch: number, count: number) =>
    Array.from({ length: count }, (_, row) => 50 * launch + 7 * row);
  const counts = [8, 1, 5, 8];
  const tickets = counts.map((count, launch) => {
    const tokens = tokensOf(launch, count);
    arrays.clear();
    tokens.forEach((_, mask) => addDraw(arrays, { mask, temperature: launch % 2 }));
    arrays.mask(maskWords(vocabSize, tokens.map((token) => (other) => other === token)));
    arrays.write();
    // Not those of this launch, since no write took them.
    arrays.mask(maskWords(vocabSize, [() => false]));
    return context.launch(graph);
  });
  counts.forEach((count, launch) => {
    arrays.read(count, tickets[launch]);
    assert.deepEqual([...arrays.tokens.subarray(0, count)], tokensOf(launch, count));
  });
  // What is launched without a write draws by the masks of the last one.
  context.run(graph);
  arrays.read(8);
  assert.deepEqual([...arrays.tokens], tokensOf(3, 8));
});

testEachBackend("rows may share a mask, and a write without any has none", (context: Context) => {
  const vocabSize = 130, logits = normals(seededRandom(99), vocabSize);
  const words = maskWords(vocabSize, [(token) => token > 120, (token) => token < 9]);
  const masks = [1, 0, 0, -1, 1];
  const { tokens } = drawRows(context, [logits], masks.map((mask) => ({ mask })), words);
  const best = (from: number, to: number) =>
    from + [...logits.slice(from, to)].indexOf(Math.max(...logits.slice(from, to)));
  const [low, high, all] = [best(0, 9), best(121, 130), best(0, 130)];
  assert.deepEqual([...tokens], [low, high, high, all, low]);
});
