/**
 * What an engine is started with.
 *
 * @module
 */
import type { Actor, LogLevel } from "./actor/actor.ts";
import type { Checkpoint, ServerArgs, VerifierConfig, VerifierInfo } from "./config.ts";
import type { ActorCrashedError } from "./errors.ts";
import type { Generator } from "./generation.ts";
import type { DrafterMessage, VerifierMessage } from "./messages.ts";
import type { DrafterConfig, DrafterInfo, SpeculationConfig } from "./speculation_config.ts";
import type { TextSource } from "./text_stream.ts";

/** What the engine needs of a tokenizer. */
export interface EngineTokenizer extends Pick<Generator, "encode" | "decode" | "tokenBytes" | "renderChat"> {
  /** Tokens that end a turn or a text. */
  readonly eosTokenIds: readonly number[];
  /** A fresh detokenizer for one generation. */
  detokenizer(options: { skipSpecialTokens: boolean }): TextSource;
}

/** Options of {@linkcode startEngine}. */
export interface EngineOptions {
  /** Flags; those left undefined are decided here. */
  readonly args: ServerArgs;
  /** The target model. */
  readonly checkpoint: Checkpoint;
  /** The target model's tokenizer. */
  readonly tokenizer: EngineTokenizer;
  /** Path of the native library. */
  readonly libraryPath: string;
  /** Drafts, as `openSpeculation` makes them of the flags; undefined: none. */
  readonly speculation?: SpeculationConfig | undefined;
  /** The backend that runs the model. */
  readonly device: VerifierConfig["device"];
  /** Where the actors run: in this thread, or in a Worker. */
  readonly placement: "inline" | "worker";
  /** Takes the log lines of engine and actors. */
  readonly log: (level: LogLevel, text: string) => void;
  /** Called once when an actor crashed; the engine serves no more, `stop` still frees it. */
  readonly onCrash?: (error: ActorCrashedError) => void;
  /** Takes the verifier's place in tests; inline only. */
  readonly verifier?: () => Actor<VerifierConfig, VerifierInfo, VerifierMessage>;
  /** Takes the drafter's place in tests; inline only. */
  readonly drafter?: () => Actor<DrafterConfig, DrafterInfo, DrafterMessage>;
}
