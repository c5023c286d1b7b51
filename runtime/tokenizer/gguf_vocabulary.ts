/**
 * The vocabulary in GGUF metadata: texts, kinds and scores of tokens, and the ids that have a part to play.
 *
 * @module
 */
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import type { AddedTokenEntry } from "./source.ts";

/** Kinds of tokens, numbers of `tokenizer.ggml.token_type`. */
export const TOKEN_KINDS = { unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Tokens by id. */
export class GgufVocabulary {
  readonly #metadata: GgufMetadata;
  /** Texts by id. */
  readonly tokens: readonly string[];
  readonly #types: Int32Array | undefined;

  /**
   * Reads texts and kinds.
   *
   * @throws {LoadError} naming the key, if there are no texts or not as many kinds
   */
  constructor(metadata: GgufMetadata) {
    this.#metadata = metadata;
    const key = keyOf("tokens");
    this.tokens = metadata.required(key, metadata.strings(key));
    this.#types = this.#sameLength("token_type", metadata.int32s(keyOf("token_type")));
  }

  /** The kind of a token, if the file says it. */
  kind(id: number): number | undefined {
    return this.#types?.[id];
  }

  /** The tokens of a kind. */
  idsOf(kind: number): number[] {
    return [...this.tokens.keys()].filter((id) => this.kind(id) === kind);
  }

  /** Scores by id; 0 where the file has none, as in llama.cpp. */
  scores(): number[] {
    const scores = this.#sameLength("scores", this.#metadata.numbers(keyOf("scores")));
    return Array.from(this.tokens, (_, id) => scores?.[id] ?? 0);
  }

  /** The token that `tokenizer.ggml.<name>` says, or a fallback. Undefined if the vocabulary has none of that id. */
  special(name: string, fallback?: number): number | undefined {
    const id = this.#metadata.number(keyOf(name)) ?? fallback;
    return id !== undefined && this.tokens[id] !== undefined ? id : undefined;
  }

  /**
   * The same for a token that is needed.
   *
   * @throws {LoadError} naming the key, if the file says an id that the vocabulary does not have
   */
  neededSpecial(name: string, fallback?: number): number | undefined {
    const said = this.#metadata.number(keyOf(name));
    if (said !== undefined && this.tokens[said] === undefined) {
      throw this.#metadata.error(`${keyOf(name)} is ${said}, expected one of ${this.tokens.length} tokens`);
    }
    return this.special(name, fallback);
  }

  /**
   * The tokens that are found in a text before the model sees it. Control tokens are special, and `alwaysSpecial`
   * besides; user-defined ones are matched in any text.
   */
  addedTokens(alwaysSpecial: readonly (number | undefined)[]): AddedTokenEntry[] {
    const entries: AddedTokenEntry[] = [];
    for (const [id, content] of this.tokens.entries()) {
      const kind = this.kind(id);
      const special = kind === TOKEN_KINDS.control || kind === TOKEN_KINDS.unknown ||
        alwaysSpecial.includes(id);
      if (content === "" || !(special || kind === TOKEN_KINDS.userDefined)) continue;
      entries.push({ id, content, special, normalized: false });
    }
    return entries;
  }

  #sameLength<Values extends ArrayLike<number>>(
    name: string,
    values: Values | undefined,
  ): Values | undefined {
    if (values !== undefined && values.length !== this.tokens.length) {
      throw this.#metadata.error(
        `${keyOf(name)} has ${values.length} entries, expected ${this.tokens.length}`,
      );
    }
    return values;
  }
}

/** The metadata key of a tokenizer's field. */
export function keyOf(name: string): string {
  return `tokenizer.ggml.${name}`;
}
