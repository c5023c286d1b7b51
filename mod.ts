/**
 * Aerie as a library: an engine that generates text, and the HTTP application that serves one.
 *
 * @example Serve a model
 * ```ts
 * import { createApp, openEngine, readFlags } from "@aerie/aerie";
 *
 * const args = readFlags(["--model-path", "model.gguf"]);
 * await using engine = await openEngine(args, { log: (level, text) => console.error(level, text) });
 * const server = Deno.serve(createApp(engine, args).fetch);
 * await server.finished;
 * ```
 *
 * `createApp` serves anything that is a {@linkcode Generator}, an engine of your own making too.
 *
 * @module
 */
export { readFlags, UsageError } from "./cli/args.ts";
export { type App, type AppOptions, createApp } from "./routes/app.ts";
export type {
  ChatMessage,
  EncodeOptions,
  ReasoningOptions,
  RenderOptions,
  ToolCall,
} from "./runtime/contracts/chat.ts";
export type { GrammarSource, OutputConstraint, ThinkingConstraint } from "./runtime/contracts/constraint.ts";
export type { DraftTree } from "./runtime/contracts/draft_tree.ts";
export {
  AbortedError,
  ActorCrashedError,
  AerieError,
  type ErrorCode,
  InvalidRequestError,
  LoadError,
  OverloadedError,
  UnavailableError,
} from "./runtime/contracts/errors.ts";
export type {
  Embedding,
  EmbeddingRequest,
  GenerationRequest,
  GenerationUpdate,
  Generator,
  GeneratorControl,
  ProfileRequest,
  RequestOrigin,
  SubmitBatch,
} from "./runtime/contracts/generation.ts";
export type { EmbeddingConfig, HiddenStates } from "./runtime/contracts/hidden_states.ts";
export type { LogLevel } from "./runtime/contracts/log_level.ts";
export type {
  EmbeddingInfo,
  FillInTheMiddle,
  ModelInfo,
  TokenizerFacts,
} from "./runtime/contracts/model_info.ts";
export type { FinishReason, TokenLogprob } from "./runtime/contracts/outputs.ts";
export { defaultSamplingParams, type SamplingParams } from "./runtime/contracts/sampling_params.ts";
export type { PauseMode, SchedulerSettings } from "./runtime/contracts/scheduler_settings.ts";
export type { SchedulerState } from "./runtime/contracts/scheduler_state.ts";
export type { ServerArgs } from "./runtime/contracts/server_args.ts";
export type { MemoryUsage, ServerInfo } from "./runtime/contracts/server_info.ts";
export type { SpeculationRound, TextRound } from "./runtime/contracts/speculation_round.ts";
export { NO_BOUND, type TextBound } from "./runtime/contracts/text_length.ts";
export type { SpeculationUsage, Usage } from "./runtime/contracts/usage.ts";
export type { Engine } from "./runtime/engine/engine.ts";
export { openEngine, type OpenEngineOptions } from "./runtime/engine/open_engine.ts";
