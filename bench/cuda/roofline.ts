/**
 * Rooflines: what a forward must at least read, write and compute, by the shapes of the model, and how long that takes
 * on a GPU. Of memory only weights, keys and values and logits count: other activations are small enough to stay in the
 * cache of a GPU.
 *
 * @module
 */

/** Sizes of a Llama. */
export interface LlamaShape {
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
}

/** Llama-3.1-8B. */
export const LLAMA_8B: LlamaShape = {
  layers: 32,
  hidden: 4096,
  intermediate: 14336,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  vocabulary: 128256,
};

/** Limits of a GPU, as its data sheet has them. */
export interface Gpu {
  readonly name: string;
  /** Memory, in bytes a second. */
  readonly bandwidth: number;
  /** Products and sums of bfloat16 on tensor cores, a second. */
  readonly tensorFlops: number;
  /** Those of float32 elsewhere, a second. */
  readonly floatFlops: number;
}

/** SXM modules; one chip with two memories. */
export const GPUS: readonly [Gpu, Gpu] = [
  { name: "H100", bandwidth: 3.35e12, tensorFlops: 989e12, floatFlops: 67e12 },
  { name: "H200", bandwidth: 4.8e12, tensorFlops: 989e12, floatFlops: 67e12 },
];

/** What a kernel does in a forward, all its launches together. */
export interface Work {
  readonly kernel: string;
  readonly launches: number;
  /** Bytes of weights, keys and values and logits. */
  readonly memoryBytes: number;
  readonly tensorFlop: number;
  readonly floatFlop: number;
}

/** A forward of rows of one sequence. */
export interface ForwardSize {
  readonly rows: number;
  /** Rows whose logits are computed. */
  readonly outputs: number;
  /** Keys that a row sees, in the mean. */
  readonly context: number;
}

const BFLOAT16 = 2, FLOAT32 = 4;

/** Bytes of a token's keys and values in one layer. */
function kvBytes({ kvHeads, headDim }: LlamaShape): number {
  return 2 * kvHeads * headDim * BFLOAT16;
}

/** The kernels of a forward with bfloat16 weights, keys and values, in their order. */
export function forwardWork(shape: LlamaShape, { rows, outputs, context }: ForwardSize): readonly Work[] {
  const { layers, hidden, intermediate, heads, kvHeads, headDim, vocabulary } = shape;
  const queries = heads * headDim, keys = kvHeads * headDim, perToken = kvBytes(shape);
  const work = (kernel: string, launches: number, one: Partial<Work>): Work => ({
    kernel,
    launches,
    memoryBytes: launches * (one.memoryBytes ?? 0),
    tensorFlop: launches * (one.tensorFlop ?? 0),
    floatFlop: launches * (one.floatFlop ?? 0),
  });
  const linear = (name: string, launches: number, inputs: number, results: number) =>
    work(`linear: ${name}`, launches, {
      memoryBytes: inputs * results * BFLOAT16,
      tensorFlop: 2 * rows * inputs * results,
    });
  return [
    work("embedding", 1, { memoryBytes: rows * hidden * BFLOAT16 }),
    work("rms_norm", 2 * layers + 1, { memoryBytes: hidden * FLOAT32, floatFlop: 4 * rows * hidden }),
    linear("q, k, v", layers, hidden, queries + 2 * keys),
    work("rope, KV store", layers, {
      memoryBytes: rows * perToken,
      floatFlop: 3 * rows * (queries + keys),
    }),
    work("attention", layers, {
      memoryBytes: context * perToken,
      floatFlop: 4 * rows * context * queries,
    }),
    linear("o, residual", layers, queries, hidden),
    linear("gate, up, silu", layers, hidden, 2 * intermediate),
    linear("down, residual", layers, intermediate, hidden),
    work("linear: LM head", 1, {
      memoryBytes: hidden * vocabulary * BFLOAT16 + outputs * vocabulary * FLOAT32,
      tensorFlop: 2 * outputs * hidden * vocabulary,
    }),
  ];
}

/** Seconds that a GPU needs at least, of what it is bound by. */
export function boundOf(work: Pick<Work, "memoryBytes" | "tensorFlop" | "floatFlop">, gpu: Gpu): number {
  return Math.max(
    work.memoryBytes / gpu.bandwidth,
    work.tensorFlop / gpu.tensorFlops,
    work.floatFlop / gpu.floatFlops,
  );
}

/** Seconds of a forward at least, were all its arithmetic that of tensor cores. */
export function forwardSeconds(shape: LlamaShape, size: ForwardSize, gpu: Gpu): number {
  const works = forwardWork(shape, size);
  const sum = (of: (work: Work) => number) => works.reduce((total, work) => total + of(work), 0);
  return Math.max(
    sum((work) => work.memoryBytes) / gpu.bandwidth,
    sum((work) => work.tensorFlop + work.floatFlop) / gpu.tensorFlops,
  );
}

/** A draft head of one decoder layer. */
export interface DraftHead {
  /** Hidden states that are joined to its input, as EAGLE-3's three. 0: what it reads is one row of twice the width. */
  readonly features: number;
  /** Rows of its LM head. */
  readonly vocabulary: number;
  /** Bytes of a weight: 2 of bfloat16; 34 / 32 of int8 with a scale per 32. */
  readonly weightBytes: number;
}

/** Bytes of memory by a head's forwards of a round: one over what was accepted, then one for each further level. */
export function draftBytes(
  shape: LlamaShape,
  head: DraftHead,
  { levels, topK, context }: { levels: number; topK: number; context: number },
): number {
  const { hidden, intermediate, heads, kvHeads, headDim } = shape;
  const queries = heads * headDim, keys = kvHeads * headDim, isEagle3 = head.features > 0;
  const layer = (isEagle3 ? 2 : 1) * hidden * (queries + 2 * keys) + queries * hidden +
    3 * hidden * intermediate;
  const join = isEagle3 ? head.features * hidden * hidden : 2 * hidden * hidden;
  // EAGLE-3 joins the target's hidden states once a round, the others their input at every level.
  const weights = levels * (layer + head.vocabulary * hidden) + (isEagle3 ? 1 : levels) * join;
  const logits = (levels + (levels - 1) * topK) * head.vocabulary * FLOAT32;
  return weights * head.weightBytes + levels * context * kvBytes(shape) + logits;
}
