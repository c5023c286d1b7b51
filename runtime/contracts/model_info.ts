/**
 * Facts about the served model and its tokenizer.
 *
 * @module
 */
import type { EmbeddingConfig } from "./hidden_states.ts";
import type { SamplingParams } from "./sampling_params.ts";
import type { TextBound } from "./text_length.ts";

/** Facts about the served model. */
export interface ModelInfo {
  /** What was asked for, or the default model's name. */
  readonly modelPath: string;
  /** What clients may load model and tokenizer from: the same, or for a GGUF file a folder that has both. */
  readonly modelFolder: string;
  /** Folder with tokenizer.json, or the file that the tokenizer came from. */
  readonly tokenizerPath: string;
  /** Hugging Face's name of the architecture, as config.json has it. */
  readonly architecture: string;
  /** Hugging Face's name of the family, as `model_type` in config.json has it. */
  readonly modelType: string;
  /** What the tokenizer puts around texts. */
  readonly tokenizer: TokenizerFacts;
  /** Form of calls of tools, as `--tool-call-parser` names it; undefined: what the chat template asks for. */
  readonly toolCallParser?: string;
  /** Form of reasoning, as `--reasoning-parser` names it; undefined: what the chat template knows. */
  readonly reasoningParser?: string;
  /** Name in answers, and the first in `/v1/models`. */
  readonly servedModelName: string;
  /** Other names that requests may give. */
  readonly modelAliases: readonly string[];
  /** Longest sequence in tokens. */
  readonly contextLength: number;
  /** Sequences in one batch at most, as the server was started. */
  readonly maxRunningRequests: number;
  /** Token ids are below this. */
  readonly vocabSize: number;
  /** What a text's length says about the number of its tokens. */
  readonly textBound: TextBound;
  /** How it embeds texts. */
  readonly embedding: EmbeddingInfo;
  /** Tokens that end a generation. */
  readonly eosTokenIds: readonly number[];
  /** Sampling parameters of requests that leave them out, where they differ from the API's. */
  readonly samplingDefaults?: Partial<SamplingParams>;
  /** Requests may bring grammars; `--grammar-backend none` serves none. */
  readonly enforcesGrammars: boolean;
  /** What exceeds the context is cut off instead of refused. */
  readonly allowAutoTruncate: boolean;
}

/** What embeddings are like. */
export interface EmbeddingInfo extends EmbeddingConfig {
  /** Numbers of an embedding, and of a hidden state. */
  readonly size: number;
  /** The server was started to embed, and generates nothing. */
  readonly isOnly: boolean;
}

/** Texts that the model's tokenizer gives a meaning to. */
export interface TokenizerFacts {
  /** Begins a document. */
  readonly bosToken?: string;
  /** Ends one. */
  readonly eosToken?: string;
  /** Stands for what the vocabulary lacks. */
  readonly unkToken?: string;
  /** Fills rows up. */
  readonly padToken?: string;
  /** A text gets a bos token put before it. */
  readonly addsBos: boolean;
  /** How a gap in a text is shown, for models that fill it in. */
  readonly fillInTheMiddle?: FillInTheMiddle;
  /** Jinja text of the chat template. */
  readonly chatTemplate?: string;
  /** The same of the one for conversations with tools, where the model has one of its own for them. */
  readonly toolTemplate?: string;
}

/** How a prompt shows a text with a gap, so that what is generated fills it in. */
export interface FillInTheMiddle {
  /** Special tokens in their order, and the places of the texts before and behind the gap. */
  readonly layout: readonly (number | "prefix" | "suffix")[];
  /** Tokens that end what is filled in, besides the model's end tokens. */
  readonly endTokenIds: readonly number[];
}
