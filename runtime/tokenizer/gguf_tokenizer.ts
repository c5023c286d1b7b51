/**
 * Builds a tokenizer.json document from GGUF metadata. Flags follow llama.cpp's src/llama-vocab.cpp.
 *
 * @module
 */
import type { GgufFile } from "../tensor_files/gguf.ts";
import { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import { checkAddedTokens } from "./check_tokenizer.ts";
import { PRE_TOKENIZERS } from "./gguf_pre_tokenizers.ts";
import { isolated } from "./encoding/pre_tokenizers.ts";
import type { AddedTokenEntry, TokenizerSource } from "./source.ts";

const UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4;

/** Special tokens that end a turn although no metadata key says so in older files. */
const TURN_ENDS = new Set(["<|im_end|>", "<|eot_id|>", "<|eom_id|>"]);

/**
 * The tokenizer in a GGUF file.
 *
 * @throws {LoadError} naming the key, if the file has no tokenizer or one of an unsupported kind
 */
export function ggufTokenizer(file: GgufFile): TokenizerSource {
  const metadata = new GgufMetadata(file);
  const key = (name: string) => `tokenizer.ggml.${name}`;
  const model = metadata.required(key("model"), metadata.string(key("model")));
  if (model !== "gpt2") {
    throw metadata.error(
      `${
        key("model")
      } is ${model}, expected gpt2 (byte-level BPE); give the model's tokenizer.json with --tokenizer-path`,
    );
  }
  const pre = metadata.string(key("pre")) ?? "default";
  const recipe = PRE_TOKENIZERS.get(pre);
  if (recipe === undefined) {
    throw metadata.error(`${key("pre")} is ${pre}, expected one of ${[...PRE_TOKENIZERS.keys()].join(", ")}`);
  }

  const tokens = metadata.required(key("tokens"), metadata.strings(key("tokens")));
  const merges = metadata.required(key("merges"), metadata.strings(key("merges")));
  const types = metadata.int32s(key("token_type"));
  if (types !== undefined && types.length !== tokens.length) {
    throw metadata.error(`${key("token_type")} has ${types.length} entries, expected ${tokens.length}`);
  }
  const tokenId = (name: string): number | undefined => {
    const id = metadata.number(key(name));
    if (id !== undefined && tokens[id] === undefined) throw metadata.error(`${key(name)} is ${id}`);
    return id;
  };
  const bos = tokenId("bos_token_id"), eos = tokenId("eos_token_id");
  const unknown = tokenId("unknown_token_id"), padding = tokenId("padding_token_id");
  const addedTokens = listAddedTokens(tokens, types, [bos, eos]);

  const addBos = metadata.boolean(key("add_bos_token")) ?? recipe.addBos ?? false;
  const chatTemplate = metadata.string("tokenizer.chat_template");
  const eosTokenIds = new Set(
    [eos, tokenId("eot_token_id"), tokenId("eom_token_id")].filter((id) => id !== undefined),
  );
  checkAddedTokens(addedTokens, (reason) => metadata.error(reason));
  for (const { id, content } of addedTokens) if (TURN_ENDS.has(content)) eosTokenIds.add(id);

  return {
    path: file.path,
    json: {
      "added_tokens": addedTokens,
      normalizer: recipe.normalizer ?? null,
      "pre_tokenizer": {
        type: "Sequence",
        pretokenizers: [...recipe.patterns.map(isolated), { type: "ByteLevel", "use_regex": false }],
      },
      "post_processor": null,
      decoder: { type: "ByteLevel" },
      model: {
        type: "BPE",
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges,
        "ignore_merges": recipe.ignoreMerges ?? false,
      },
    },
    ...(bos !== undefined && { bosToken: tokens[bos]! }),
    ...(eos !== undefined && { eosToken: tokens[eos]! }),
    ...(unknown !== undefined && { unkToken: tokens[unknown]! }),
    ...(padding !== undefined && { padToken: tokens[padding]! }),
    eosTokenIds: [...eosTokenIds],
    addBos,
    chatAddsBos: addBos,
    keepsAddedTokens: true,
    ...(chatTemplate !== undefined && { chatTemplate }),
  };
}

/** Control tokens are special, user-defined ones are matched in any text. */
function listAddedTokens(
  tokens: readonly string[],
  types: Int32Array | undefined,
  alwaysSpecial: readonly (number | undefined)[],
): AddedTokenEntry[] {
  const entries: AddedTokenEntry[] = [];
  tokens.forEach((content, id) => {
    const type = types?.[id];
    const special = type === CONTROL || type === UNKNOWN || alwaysSpecial.includes(id);
    if (content !== "" && (special || type === USER_DEFINED)) entries.push({ id, content, special });
  });
  return entries;
}
