/**
 * An engine in this thread with a fake model and a tokenizer of a few pieces.
 *
 * @module
 */
import type { ModelConfig } from "../../runtime/contracts/checkpoint.ts";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";
import { createEngine, type Engine } from "../../runtime/engine/engine.ts";
import type { EngineOptions, EngineTokenizer } from "../../runtime/engine/options.ts";
import type { EngineParts } from "../../runtime/engine/actors.ts";
import type { GenerationRequest, GenerationUpdate } from "../../runtime/contracts/generation.ts";
import { defaultSamplingParams, type SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { Detokenizer } from "../../runtime/tokenizer/detokenizer.ts";
import { fakeVerifier, hashModel } from "./fake_verifier.ts";
import { MessageGuard } from "./message_guard.ts";
import { libraryPath } from "./native.ts";

/** Flags as if none was given. */
export const defaultArgs: ServerArgs = {
  host: "127.0.0.1",
  port: 30000,
  ui: true,
  dtype: "auto",
  loadFormat: "auto",
  schedulePolicy: "fcfs",
  scheduleConservativeness: 1,
  maxPrefillTokens: 16384,
  maxQueuedRequests: 64,
  maxStepMs: 100,
  pageSize: 4,
  disableRadixCache: false,
  allowAutoTruncate: false,
  kvCacheDtype: "auto",
  streamInterval: 1,
  weightVersion: "default",
  samplingDefaults: "model",
  logRequests: false,
  logRequestsLevel: 2,
  logLevel: "info",
  decodeLogInterval: 40,
  enableMetrics: true,
  timeoutHeaders: 10,
  timeoutBody: 60,
  timeoutKeepAlive: 75,
  drainTimeout: 30,
  grammarBackend: "xgrammar",
  grammarTimeout: 30,
  toolCallParser: "auto",
  reasoningParser: "auto",
  device: "auto",
  baseGpuId: 0,
  disableCudaGraph: false,
  tokenizeTimeout: 5,
  skipServerWarmup: false,
  enableCacheReport: false,
  isEmbedding: false,
  speculativeAdaptive: false,
  speculativeAcceptThresholdSingle: 1,
  speculativeAcceptThresholdAcc: 1,
  speculativeNgramMinBfsBreadth: 1,
  speculativeNgramMaxBfsBreadth: 10,
  speculativeNgramMatchType: "BFS",
  speculativeNgramMaxTrieDepth: 18,
  speculativeNgramCapacity: 100_000,
  speculativeSyntheticAcceptance: [],
};

/** Sizes of no particular model. */
export const modelConfig: ModelConfig = {
  architecture: "LlamaForCausalLM",
  hiddenSize: 8,
  intermediateSize: 16,
  numLayers: 2,
  numHeads: 2,
  numKvHeads: 1,
  headDim: 16,
  vocabSize: 0,
  rmsNormEps: 1e-5,
  rope: { theta: 1e4, rotaryDim: 16 },
  maxPositionEmbeddings: 256,
  tieWordEmbeddings: true,
  eosTokenIds: [0],
};

/** A tokenizer that looks tokens up; token 0 ends and is special, longer pieces win when encoding. */
export function pieceTokenizer(pieces: readonly string[]): EngineTokenizer {
  const textOf = (token: number, skipSpecialTokens = true) =>
    token === 0 && skipSpecialTokens ? "" : pieces[token]!;
  const tokenBytes = (token: number) => new TextEncoder().encode(pieces[token]);
  const longestFirst = [...pieces.keys()].sort((a, b) => pieces[b]!.length - pieces[a]!.length);
  return {
    eosTokenIds: [0],
    encode(text) {
      const tokens: number[] = [];
      for (let at = 0; at < text.length;) {
        const token = longestFirst.find((candidate) => text.startsWith(pieces[candidate]!, at))!;
        tokens.push(token);
        at += pieces[token]!.length;
      }
      return Int32Array.from(tokens);
    },
    decode: (tokens, options) => tokens.map((token) => textOf(token, options?.skipSpecialTokens)).join(""),
    renderChat: () => Int32Array.of(1),
    tokenBytes,
    tokenName: (token) => pieces[token] ?? "",
    detokenizer: ({ skipSpecialTokens }) =>
      new Detokenizer({ bytesAt: tokenBytes, isSpecial: (token) => token === 0 }, {
        skipSpecialTokens,
      }),
  };
}

/** Pieces that overlap in many ways; the first is the end token. */
export const PIECES = ["<end>", "a", "b", "c", " ", "ab", "ba", "cab", "é", "😀", "\n", "ca"] as const;

/** Starts an engine on a fake model, by default one that hashes its prefix into {@linkcode PIECES}. */
export function startTestEngine(
  options: Partial<Parameters<typeof fakeVerifier>[0]> & {
    readonly args?: Partial<ServerArgs>;
    readonly pieces?: readonly string[];
    readonly engine?: Partial<EngineOptions>;
    readonly parts?: EngineParts;
  } = {},
): Promise<Engine> {
  const pieces = options.pieces ?? PIECES;
  const next = options.next ?? hashModel(pieces.length);
  return createEngine({
    args: { ...defaultArgs, ...options.args },
    checkpoint: {
      path: "test-model",
      config: { ...modelConfig, vocabSize: pieces.length },
      tensors: new Map(),
      files: [],
      dtype: "F32",
    },
    tokenizer: pieceTokenizer(pieces),
    libraryPath,
    device: "cpu",
    placement: "inline",
    log: () => {},
    ...options.engine,
  }, {
    verifier: () => fakeVerifier({ ...options, next }),
    channels: new MessageGuard().channels,
    ...options.parts,
  });
}

/** A request with SGLang's defaults. */
export function requestOf(
  requestId: string,
  promptTokens: readonly number[],
  sampling: Partial<SamplingParams> = {},
): GenerationRequest {
  return {
    requestId,
    promptTokens: Int32Array.from(promptTokens),
    sampling: { ...defaultSamplingParams, ...sampling },
  };
}

/** All updates of a generation as one. */
export async function collect(updates: AsyncIterable<GenerationUpdate>): Promise<GenerationUpdate> {
  let all: GenerationUpdate | undefined;
  for await (const update of updates) {
    const logprobs = [...all?.logprobs ?? [], ...update.logprobs ?? []];
    const rounds = [...all?.rounds ?? [], ...update.rounds ?? []];
    const hiddenStates = [...all?.hiddenStates ?? [], ...update.hiddenStates ?? []];
    all = {
      ...all,
      ...update,
      text: (all?.text ?? "") + update.text,
      tokens: [...all?.tokens ?? [], ...update.tokens],
      ...(logprobs.length > 0 && { logprobs }),
      ...(rounds.length > 0 && { rounds }),
      ...(hiddenStates.length > 0 && { hiddenStates }),
    };
  }
  return all!;
}
