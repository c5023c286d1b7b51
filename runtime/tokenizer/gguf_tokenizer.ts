/**
 * Builds a tokenizer.json document from GGUF metadata. Flags follow llama.cpp's src/llama-vocab.cpp.
 *
 * @module
 */
import type { GgufFile } from "../tensor_files/gguf.ts";
import { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import { checkAddedTokens } from "./check_tokenizer.ts";
import { ggufModel } from "./gguf_models.ts";
import { GgufVocabulary, keyOf } from "./gguf_vocabulary.ts";
import type { AddedTokenEntry, TokenizerSource } from "./source.ts";

/** Special tokens that end a turn although no metadata key says so in older files. */
const TURN_ENDS = new Set([
  "<|im_end|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
  "<end_of_turn>",
  "<end_of_utterance>",
  "<EOT>",
  "[EOT]",
]);

/** Of `<|end|>` in vocabularies that have both of these: it ends a message, after which the turn goes on. */
const HARMONY = ["<|return|>", "<|call|>"];

/**
 * The tokenizer in a GGUF file. Ids that the vocabulary does not have are no matter where nobody needs the token.
 *
 * @throws {LoadError} naming the key, if the file has no tokenizer or one of an unsupported kind
 */
export function ggufTokenizer(file: GgufFile): TokenizerSource {
  const metadata = new GgufMetadata(file), vocabulary = new GgufVocabulary(metadata);
  const { tokens } = vocabulary;
  const { json, defaults, addsBos } = ggufModel(metadata, vocabulary);
  const chatTemplate = metadata.string("tokenizer.chat_template");

  const addBos = metadata.boolean(keyOf("add_bos_token")) ?? addsBos;
  const addEos = metadata.boolean(keyOf("add_eos_token")) ?? false;
  const needsBos = addBos || (chatTemplate?.includes("bos_token") ?? false);
  const bos = needsBos
    ? vocabulary.neededSpecial("bos_token_id", defaults.bos)
    : vocabulary.special("bos_token_id", defaults.bos);
  const eos = vocabulary.neededSpecial("eos_token_id", defaults.eos);
  const unknown = vocabulary.special("unknown_token_id", defaults.unknown);
  const padding = vocabulary.special("padding_token_id");

  const special = [bos, eos, ...(defaults.unknown === undefined ? [] : [unknown])];
  const addedTokens = withBlanks(metadata, vocabulary.addedTokens(special));
  checkAddedTokens(addedTokens, (reason) => metadata.error(reason));
  const ends = [eos, vocabulary.special("eot_token_id"), vocabulary.special("eom_token_id")];
  return {
    path: file.path,
    json: { ...json, "added_tokens": addedTokens, "post_processor": null },
    ...(bos !== undefined && { bosToken: tokens[bos]! }),
    ...(eos !== undefined && { eosToken: tokens[eos]! }),
    ...(unknown !== undefined && { unkToken: tokens[unknown]! }),
    ...(padding !== undefined && { padToken: tokens[padding]! }),
    eosTokenIds: [...new Set([...ends.filter((id) => id !== undefined), ...turnEnds(addedTokens)])],
    addBos,
    ...(addEos && { addEos }),
    chatAddsBos: addBos,
    keepsAddedTokens: true,
    ...(chatTemplate !== undefined && { chatTemplate }),
  };
}

function turnEnds(added: readonly AddedTokenEntry[]): number[] {
  const ids = new Map(
    added.filter(({ content }) => TURN_ENDS.has(content)).map(({ content, id }) => [content, id]),
  );
  if (HARMONY.every((content) => ids.has(content))) ids.delete("<|end|>");
  return [...ids.values()];
}

/** The same entries with the white space that they take, which no metadata key says. */
function withBlanks(metadata: GgufMetadata, entries: readonly AddedTokenEntry[]): AddedTokenEntry[] {
  const isPhi3 = /phi-?3/i.test(metadata.string("general.name") ?? "");
  if (!isPhi3) return [...entries];
  const takesNone = new Set(["<unk>", "<s>", "<|endoftext|>"]);
  return entries.map((entry) => takesNone.has(entry.content) ? entry : { ...entry, rstrip: true });
}
