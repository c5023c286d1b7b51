/**
 * Validation of requests, for every caller of the engine.
 *
 * @module
 */
import type { OutputConstraint } from "../contracts/constraint.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import type { GenerationRequest } from "../contracts/generation.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import { maxLogprobTokens, samplingRanges } from "../contracts/sampling_params.ts";
import { compileStopRegexes } from "../contracts/stop_regex.ts";

/**
 * Refuses a request that the actors could not run. What depends on sizes the scheduler knows, it checks itself.
 *
 * @throws {InvalidRequestError} naming the field at fault
 */
export function checkRequest(
  { promptTokens, sampling, constraint }: GenerationRequest,
  { vocabSize, enforcesGrammars }: Pick<ModelInfo, "vocabSize" | "enforcesGrammars">,
): void {
  if (constraint?.grammar !== undefined && !enforcesGrammars) {
    throw new InvalidRequestError(
      `Cannot enforce ${constraint.param}: the server was started with --grammar-backend none`,
      constraint.param,
    );
  }
  if (constraint !== undefined) checkThinking(constraint, vocabSize);
  checkPrompt(promptTokens, vocabSize);
  for (const [name, [low, high, whole]] of Object.entries(samplingRanges)) {
    const value = sampling[name as keyof typeof samplingRanges];
    const fits = whole ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (!fits || value < low || value > high) {
      throw new InvalidRequestError(`Cannot generate: ${name} is ${value}`, name);
    }
  }
  checkSeed(sampling.seed);
  checkTokens(sampling.stopTokenIds, "stopTokenIds", vocabSize);
  checkTokens(sampling.logprobTokens, "logprobTokens", vocabSize);
  if (sampling.logprobTokens.length > maxLogprobTokens) {
    throw new InvalidRequestError(
      `Cannot generate: ${sampling.logprobTokens.length} logprobTokens, at most ${maxLogprobTokens} are allowed`,
      "logprobTokens",
    );
  }
  checkTokens(sampling.logitBias.map(([token]) => token), "logitBias", vocabSize);
  if (!sampling.logitBias.every(([, bias]) => Number.isFinite(bias))) {
    throw new InvalidRequestError("Cannot generate: a logitBias is not finite", "logitBias");
  }
  if (sampling.stop.includes("")) {
    throw new InvalidRequestError("Cannot generate: a stop text is empty", "stop");
  }
  compileStopRegexes(sampling.stopRegex);
}

function checkThinking({ thinking, param }: OutputConstraint, vocabSize: number): void {
  if (thinking === undefined) return;
  const { startToken = 0, endTokens, maxTokens = 0 } = thinking;
  checkTokens([startToken, ...endTokens], param, vocabSize);
  if (endTokens.length === 0) throw new InvalidRequestError("Cannot generate: thinking has no end", param);
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 0) {
    throw new InvalidRequestError(`Cannot generate: thinking may have ${maxTokens} tokens`, param);
  }
}

function checkSeed(seed: number | bigint): void {
  const fits = typeof seed === "bigint" ? BigInt.asIntN(64, seed) === seed : Number.isSafeInteger(seed);
  if (!fits) throw new InvalidRequestError(`Cannot generate: seed is ${seed}`, "seed");
}

/** By index: a batch has a million tokens, and an iterator takes ten times as long. */
function checkPrompt(tokens: Int32Array, vocabSize: number): void {
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]! < 0 || tokens[i]! >= vocabSize) throw unknownToken(tokens[i]!, "prompt", vocabSize);
  }
}

function checkTokens(tokens: Iterable<number>, param: string, vocabSize: number): void {
  for (const token of tokens) {
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
      throw unknownToken(token, param, vocabSize);
    }
  }
}

function unknownToken(token: number, param: string, vocabSize: number): InvalidRequestError {
  const problem = `token ${token} in ${param} is outside the vocabulary of ${vocabSize}`;
  return new InvalidRequestError(`Cannot generate: ${problem}`, param);
}
