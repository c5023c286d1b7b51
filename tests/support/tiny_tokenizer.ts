/**
 * The tokenizer of the tiny models: three special tokens, 256 bytes, 61 merges, ChatML.
 *
 * @module
 */
import { loadTokenizer, type Tokenizer, type TokenizerSource } from "../../runtime/tokenizer/tokenizer.ts";

const SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

/** GPT-2's printable character for each byte. */
const BYTE_CHARACTERS: string[] = [];
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  BYTE_CHARACTERS.push(String.fromCharCode(printable ? byte : next++));
}

const FREQUENT = [..."etaoinsr"];
const MERGES = [
  "Ġ t",
  ...FREQUENT.flatMap((left) => FREQUENT.map((right) => `${left} ${right}`)).slice(0, 60),
];
const TOKENS = [...SPECIAL, ...BYTE_CHARACTERS, ...MERGES.map((merge) => merge.replace(" ", ""))];
const CHAT_TEMPLATE = "{% for message in messages %}" +
  "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** The tokenizer as GGUF metadata and as Hugging Face files; ids are indices into `tokens`. */
export const TINY_TOKENIZER = {
  tokens: TOKENS,
  merges: MERGES,
  /** GGUF token types: 3 control, 1 normal. */
  tokenTypes: TOKENS.map((_, id) => id < SPECIAL.length ? 3 : 1),
  bosTokenId: 1,
  eosTokenId: 2,
  chatTemplate: CHAT_TEMPLATE,
  json: {
    version: "1.0",
    "added_tokens": SPECIAL.map((content, id) => ({ id, content, special: true })),
    normalizer: null,
    "pre_tokenizer": {
      type: "Sequence",
      pretokenizers: [
        { type: "Digits", "individual_digits": true },
        { type: "ByteLevel", "add_prefix_space": false, "use_regex": true },
      ],
    },
    "post_processor": null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(TOKENS.map((token, id) => [token, id])),
      merges: MERGES,
    },
  },
  config: { "bos_token": SPECIAL[1], "eos_token": SPECIAL[2], "chat_template": CHAT_TEMPLATE },
};

/** The tokenizer, with another template or other settings if they are given. */
export function tinyTokenizer(changes: Partial<TokenizerSource> = {}): Tokenizer {
  return loadTokenizer({
    path: "tiny",
    json: TINY_TOKENIZER.json,
    bosToken: SPECIAL[1]!,
    eosToken: SPECIAL[2]!,
    eosTokenIds: [TINY_TOKENIZER.eosTokenId],
    chatAddsBos: false,
    chatTemplate: CHAT_TEMPLATE,
    ...changes,
  });
}
