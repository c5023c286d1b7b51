/**
 * Tables of rooflines for docs/cuda.md, of Llama-3.1-8B.
 *
 * @module
 */
import {
  boundOf,
  draftBytes,
  type DraftHead,
  forwardSeconds,
  forwardWork,
  GPUS,
  LLAMA_8B,
} from "./roofline.ts";

/** Tokens before the rows of a forward. */
const CONTEXT = 500;
/** Rows of a plain step, and of a tree of 32 nodes. */
const ROWS = [1, 32] as const;

/** Tokens of a prompt that is one forward. */
const PROMPT = 2048;

const EAGLE3: DraftHead = { features: 3, vocabulary: 32000, weightBytes: 2 };
const EAGLE2: DraftHead = { features: 0, vocabulary: LLAMA_8B.vocabulary, weightBytes: 2 };

/** A way to generate: levels, children and nodes of its trees, and the published lengths that are accepted. */
interface Speculation {
  readonly name: string;
  readonly head?: DraftHead;
  readonly levels?: number;
  readonly topK?: number;
  readonly nodes?: number;
  readonly acceptLength?: number;
  /** Tokens a second that SGLang publishes for an H100. */
  readonly published?: number;
}

const EAGLE3_5 = { levels: 5, topK: 8, nodes: 32, acceptLength: 4.68 },
  EAGLE2_5 = { ...EAGLE3_5, nodes: 64, acceptLength: 3.75 };

/** The settings that SGLang publishes figures of, and what would change them. */
const SPECULATIONS: readonly Speculation[] = [
  { name: "plain", published: 158.34 },
  { name: "EAGLE-3 5/8/32", head: EAGLE3, ...EAGLE3_5, published: 373.25 },
  { name: "EAGLE-3 5/8/32, int8 head", head: { ...EAGLE3, weightBytes: 34 / 32 }, ...EAGLE3_5 },
  { name: "EAGLE-3 3/1/4", head: EAGLE3, levels: 3, topK: 1, nodes: 4, acceptLength: 2.93 },
  { name: "EAGLE-2 5/8/64", head: EAGLE2, ...EAGLE2_5, published: 244.1 },
  { name: "EAGLE-2 5/8/64, FR-Spec", head: { ...EAGLE2, vocabulary: 32768 }, levels: 5, topK: 8, nodes: 64 },
];

/** Seconds of a round at least: the head's levels, and the target over the tree. */
function roundSeconds(
  { head, levels = 0, topK = 1, nodes = 1 }: Speculation,
  gpu: typeof GPUS[number],
): number {
  const drafting = head ? draftBytes(LLAMA_8B, head, { levels, topK, context: CONTEXT }) / gpu.bandwidth : 0;
  return drafting + forwardSeconds(LLAMA_8B, { rows: nodes, outputs: nodes, context: CONTEXT }, gpu);
}

const MARK = "computed from the shapes by `bench/cuda/roofline.ts`";

const BANDWIDTHS = GPUS.map(({ name, bandwidth }) => `${name} ${bandwidth / 1e12} TB/s`).join(", ");
const [{ tensorFlops, floatFlops }] = GPUS;

/** What stands before {@linkcode speculationTable}. */
export const SPECULATION_TEXT =
  `How long a round takes at least, and the tokens a second that this leaves room for, ${MARK}: one sequence, ` +
  `${CONTEXT} tokens before the round, weights, keys and values in bfloat16, the data sheets' ${BANDWIDTHS} and ` +
  `${tensorFlops / 1e12} TFLOP/s. Accept lengths and the last column are what SGLang publishes, on one H100.`;

/** Bounds of {@linkcode SPECULATIONS}. */
export function speculationTable(): string[][] {
  const rate = (tokens: number, seconds: number) => (tokens / seconds).toFixed(0);
  return [
    [
      "levels/children/nodes",
      "accept length",
      ...GPUS.flatMap(({ name }) => [`${name} ms`, `${name} tokens/s`]),
      "SGLang tokens/s",
    ],
    ...SPECULATIONS.map((speculation) => [
      speculation.name,
      `${speculation.acceptLength ?? "-"}`,
      ...GPUS.flatMap((gpu) => {
        const seconds = roundSeconds(speculation, gpu);
        const tokens = speculation.head ? speculation.acceptLength : 1;
        return [(seconds * 1e3).toFixed(2), tokens === undefined ? "-" : rate(tokens, seconds)];
      }),
      speculation.published?.toFixed(2) ?? "-",
    ]),
    [
      `prompt of ${PROMPT} tokens`,
      "-",
      ...GPUS.flatMap((gpu) => {
        // A row sees half of the prompt in the mean.
        const seconds = forwardSeconds(LLAMA_8B, { rows: PROMPT, outputs: 1, context: PROMPT / 2 }, gpu);
        return [(seconds * 1e3).toFixed(2), rate(PROMPT, seconds)];
      }),
      "-",
    ],
  ];
}

/** What stands before {@linkcode kernelTable}. */
export const KERNEL_TEXT =
  `What a forward of ${
    ROWS.join(" / ")
  } rows over ${CONTEXT} tokens reads and writes of memory and computes, and how ` +
  `long that takes at least, ${MARK}. GFLOP are those of tensor cores for linear, of float32 ` +
  `(${
    floatFlops / 1e12
  } TFLOP/s) for the others; these bind attention to many rows. Other activations than logits ` +
  "stay in the cache, so that kernels with nothing else, such as the merge of attention, are not shown.";

/** Work and bounds of each kernel, all its launches in a forward together, and of the forward. */
export function kernelTable(): string[][] {
  const forwards = ROWS.map((rows) => forwardWork(LLAMA_8B, { rows, outputs: rows, context: CONTEXT }));
  const cell = (values: readonly number[], digits: number) =>
    values.map((value) => value.toFixed(digits)).join(" / ");
  const rowOf = (name: string, times: string, parts: readonly ReturnType<typeof forwardWork>[]) => {
    const sum = (of: (work: ReturnType<typeof forwardWork>[number]) => number) =>
      parts.map((works) => works.reduce((total, work) => total + of(work), 0));
    return [
      name,
      times,
      cell(sum((work) => work.memoryBytes / 1e6), 1),
      cell(sum((work) => (work.tensorFlop + work.floatFlop) / 1e9), 2),
      ...GPUS.map((gpu) => cell(sum((work) => boundOf(work, gpu) * 1e6), 1)),
    ];
  };
  const [first] = forwards;
  return [
    ["kernel", "times", "MB", "GFLOP", ...GPUS.map(({ name }) => `${name} µs`)],
    ...first!.map(({ kernel, launches }, i) =>
      rowOf(kernel, `${launches}`, forwards.map((works) => [works[i]!]))
    ),
    rowOf("forward", "", forwards),
  ];
}
