/**
 * Sampling parameters of one request, parsed once at the door and then passed unchanged to the verifier.
 *
 * @module
 */

/** How the next token is drawn and when generation stops. Plain data: crosses channels as it is. */
export interface SamplingParams {
  /** 0 is greedy (argmax); otherwise logits are divided by it. */
  readonly temperature: number;
  /** Keep the k most probable tokens; 0 keeps all. */
  readonly topK: number;
  /** Nucleus mass in (0, 1]. */
  readonly topP: number;
  /** Drop tokens below `minP` times the largest probability; [0, 1]. */
  readonly minP: number;
  /**
   * Key of the Philox generator, -2^63 to 2^63 - 1; the draw at a position is a pure function of (logits, seed,
   * position). A number must be a safe integer.
   */
  readonly seed: number | bigint;
  /** Subtracted per earlier occurrence in the output, [-2, 2]. */
  readonly frequencyPenalty: number;
  /** Subtracted once if the token occurred in the output, [-2, 2]. */
  readonly presencePenalty: number;
  /** Divides positive (multiplies negative) logits of tokens seen in prompt or output; (0, 2], 1 is off. */
  readonly repetitionPenalty: number;
  /** Pairs of token id and value added to its logit. */
  readonly logitBias: readonly (readonly [token: number, bias: number])[];
  /** Largest number of generated tokens. */
  readonly maxTokens: number;
  /** Until this many tokens are generated, end and stop tokens have probability 0. */
  readonly minTokens: number;
  /** Tokens that end generation, the model's own end tokens not included. */
  readonly stopTokenIds: readonly number[];
  /** Do not end at the model's end tokens nor at `stopTokenIds`. */
  readonly ignoreEos: boolean;
  /** Texts that end generation. */
  readonly stop: readonly string[];
  /** Regular expressions (RE2's) whose first match ends generation. */
  readonly stopRegex: readonly string[];
  /** Keep the stop text (or stop token's text) in the output. */
  readonly noStopTrim: boolean;
  /** Leave special tokens out of the text. */
  readonly skipSpecialTokens: boolean;
  /** Number of most probable tokens reported per position, -1 for no logprobs at all. */
  readonly numLogprobs: number;
  /** First prompt position whose logprob is reported, -1 for none. */
  readonly promptLogprobStart: number;
  /** Number of most probable tokens reported per prompt position, -1 for `numLogprobs`. */
  readonly numPromptLogprobs: number;
  /** Report the rank of prompt tokens, too. */
  readonly promptRanks: boolean;
  /** Tokens whose logprobs are reported at every position that has one; {@linkcode maxLogprobTokens} at most. */
  readonly logprobTokens: readonly number[];
}

/** Values used where a request leaves a field out (SGLang's native defaults). */
export const defaultSamplingParams: SamplingParams = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  maxTokens: 128,
  minTokens: 0,
  stopTokenIds: [],
  ignoreEos: false,
  stop: [],
  stopRegex: [],
  noStopTrim: false,
  skipSpecialTokens: true,
  numLogprobs: -1,
  promptLogprobStart: -1,
  numPromptLogprobs: -1,
  promptRanks: false,
  logprobTokens: [],
};

/** Parameters that a model may recommend for requests that leave them out. */
export type SamplingDefaults = Partial<
  Pick<SamplingParams, "temperature" | "topK" | "topP" | "minP" | "repetitionPenalty">
>;

/** What a model's files recommend, not yet checked. */
export interface RecommendedSampling {
  /** The file. */
  readonly path: string;
  /** Each with its name in the file. */
  readonly values: readonly {
    readonly name: string;
    readonly parameter: keyof SamplingDefaults;
    readonly value: unknown;
  }[];
}

/** Most alternatives reported per position. */
export const maxTopLogprobs = 20;

/** Most tokens whose logprobs are asked for by id. */
export const maxLogprobTokens = 128;

/** Ranges of the numeric parameters: smallest, largest, and whether only whole numbers will do. */
export const samplingRanges = {
  temperature: [0, Infinity],
  topK: [0, Infinity, "whole"],
  topP: [Number.MIN_VALUE, 1],
  minP: [0, 1],
  frequencyPenalty: [-2, 2],
  presencePenalty: [-2, 2],
  repetitionPenalty: [Number.MIN_VALUE, 2],
  maxTokens: [0, Infinity, "whole"],
  minTokens: [0, Infinity, "whole"],
  numLogprobs: [-1, Infinity, "whole"],
  promptLogprobStart: [-1, Infinity, "whole"],
  numPromptLogprobs: [-1, maxTopLogprobs, "whole"],
} as const satisfies Partial<Record<keyof SamplingParams, readonly [number, number, "whole"?]>>;

/** The two 32-bit halves of a seed in two's complement, unsigned. */
export function seedHalves(seed: number | bigint): { readonly low: number; readonly high: number } {
  if (typeof seed === "number") return { low: seed >>> 0, high: Math.floor(seed / 2 ** 32) >>> 0 };
  return { low: Number(BigInt.asUintN(32, seed)), high: Number(BigInt.asUintN(32, seed >> 32n)) };
}
