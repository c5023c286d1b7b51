/**
 * What an engine is started with.
 *
 * @module
 */
import type { VerifierConfig } from "../contracts/config.ts";
import type { LogLevel } from "../contracts/log_level.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import type { ActorCrashedError } from "../contracts/errors.ts";
import type { ChatMessage, EncodeOptions, RenderOptions } from "../contracts/chat.ts";
import type { Generator } from "../contracts/generation.ts";
import type { TokenizerFacts } from "../contracts/model_info.ts";
import type { SpeculationConfig } from "../contracts/speculation_config.ts";
import type { TextBound } from "../contracts/text_length.ts";
import type { TextSource } from "./text_stream.ts";

/** What the engine needs of a tokenizer: at once, in the calling thread, or later. */
export interface EngineTokenizer extends Pick<Generator, "decode" | "tokenBytes" | "tokenName"> {
  /** What it puts around texts; nothing if left out. */
  readonly facts?: TokenizerFacts;
  /** Its source as JSON text, in memory that threads share, for processes that build it too; without, no constraints. */
  readonly definition?: Uint8Array;
  /** Tokens that end a turn or a text. */
  readonly eosTokenIds: readonly number[];
  /** What a text's length says about the number of its tokens; nothing if left out. */
  readonly textBound?: TextBound;
  /** See {@linkcode Generator}. */
  encode(text: string, options?: EncodeOptions, signal?: AbortSignal): Int32Array | Promise<Int32Array>;
  /** See {@linkcode Generator}; what cannot fit `contextLength` by its length alone is refused. */
  renderChat(
    messages: readonly ChatMessage[],
    options?: RenderOptions & { readonly contextLength?: number },
    signal?: AbortSignal,
  ): Int32Array | Promise<Int32Array>;
  /** A fresh detokenizer for one generation. */
  detokenizer(options: { skipSpecialTokens: boolean; shownTokens?: readonly number[] }): TextSource;
  /** Resolves when the tokenizer can be used; the engine waits for it while it loads the weights. */
  readonly started?: Promise<void>;
  /** Gives back what the tokenizer holds; the engine calls it as it stops. */
  stop?(): Promise<void>;
}

/** Options of {@linkcode startEngine}. */
export interface EngineOptions {
  /** Flags; the engine decides what is undefined. */
  readonly args: ServerArgs;
  /** The target model. */
  readonly checkpoint: Checkpoint;
  /** The target model's tokenizer; it is the engine's from now on, `stop` included. */
  readonly tokenizer: EngineTokenizer;
  /** Where clients may load tokenizer and model from; where they were asked for if left out. */
  readonly folders?: { readonly tokenizer: string; readonly model?: string } | undefined;
  /** Path of the native library. */
  readonly libraryPath: string;
  /** Drafts, as `openSpeculation` makes them of the flags; undefined: none. */
  readonly speculation?: SpeculationConfig | undefined;
  /** The backend that runs the model. */
  readonly device: VerifierConfig["device"];
  /** Number of the device among those of its kind; 0 if left out. */
  readonly deviceIndex?: number;
  /** Where the actors run: in this thread, or in a Worker. */
  readonly placement: "inline" | "worker";
  /** Takes the log lines of engine and actors. */
  readonly log: (level: LogLevel, text: string) => void;
  /** Called once when an actor crashed; the engine serves no more, `stop` still frees it. */
  readonly onCrash?: (error: ActorCrashedError) => void;
}
