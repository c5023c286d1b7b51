/**
 * Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), written from the paper.
 *
 * @module
 */

type Word4 = readonly [number, number, number, number];

/** Ten rounds over a 128-bit counter with a 64-bit key; words are unsigned. */
export function philox(counter: Word4, key: readonly [number, number]): Word4 {
  let [a, b, c, d] = counter, [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [highA, lowA] = product(0xd2511f53, a), [highC, lowC] = product(0xcd9e8d57, c);
    [a, b, c, d] = [(highC ^ b ^ k0) >>> 0, lowC, (highA ^ d ^ k1) >>> 0, lowA];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The sampler's number in [0, 1) for a seed, in two halves, and a position: the first 53 bits. */
export function philoxUniform(seed: readonly [low: number, high: number], position: number): number {
  const [high, low] = philox([position, 0, 0, 0], seed);
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

function product(x: number, y: number): readonly [high: number, low: number] {
  const full = BigInt(x) * BigInt(y);
  return [Number(full >> 32n), Number(full & 0xffffffffn)];
}
