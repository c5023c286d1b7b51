/**
 * Prompts with a gap: the text before it, and the `suffix` behind it, arranged as the model fills gaps in.
 *
 * @module
 */
import type { Generator } from "../../runtime/contracts/generation.ts";
import type { FillInTheMiddle, ModelInfo } from "../../runtime/contracts/model_info.ts";
import { checkTextFits, inputTooLong } from "../../runtime/contracts/text_length.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { Slices } from "../answers/slices.ts";
import { checkVocabulary, type Prompt } from "../generation/prompt.ts";

/** A prompt as the model sees it. */
export interface EncodedPrompt {
  readonly tokens: Int32Array;
  /** Index of the first token of what the client calls its prompt. */
  readonly start: number;
  /** Index behind the last one. */
  readonly end: number;
}

/** A character that no token joins with what follows it, so that a text behind it is read as if it began nowhere. */
const STOPPER = "☺";

/**
 * How the model shows a gap.
 *
 * @throws {InvalidRequestError} if it has no tokens for that
 */
export function fillInTheMiddleOf({ servedModelName, tokenizer }: ModelInfo): FillInTheMiddle {
  return tokenizer.fillInTheMiddle ?? throwInvalidField(
    "suffix",
    `${servedModelName} fills in no gaps: its vocabulary has no tokens that mark one`,
  );
}

/**
 * Tokens of prompts with a gap before `suffix`. Special tokens written in the texts stay text: they are parts of a file,
 * which may be about such tokens.
 *
 * @throws {InvalidRequestError} if the model fills in no gaps, or a prompt does not fit
 */
export async function promptsWithGap(
  generator: Generator,
  prompts: readonly Prompt[],
  suffix: string,
  { addSpecialTokens, signal }: { readonly addSpecialTokens: boolean; readonly signal: AbortSignal },
): Promise<EncodedPrompt[]> {
  const { model } = generator, { layout } = fillInTheMiddleOf(model);
  for (const prompt of prompts) {
    if (typeof prompt !== "string") checkVocabulary(prompt, model, "prompt");
    else checkTextFits("prompt", [prompt, suffix], model.textBound, model.contextLength);
  }
  const encode = async (text: string, withSpecial = false): Promise<readonly number[]> =>
    text === "" && !withSpecial
      ? []
      : [...await generator.encode(text, { addSpecialTokens: withSpecial, parseSpecial: false }, signal)];
  const before = addSpecialTokens ? await tokensBefore(encode) : [];
  const behind = await suffixTokens(generator, suffix, encode);
  const all: EncodedPrompt[] = [], slices = new Slices();
  for (const prompt of prompts) {
    await slices.yieldTurn();
    const prefix = typeof prompt === "string" ? await encode(prompt) : prompt;
    const parts = layout.map((part) => part === "prefix" ? prefix : part === "suffix" ? behind : [part]);
    const tokens = Int32Array.from([...before, ...parts.flat()]);
    if (tokens.length >= model.contextLength) {
      throw inputTooLong("prompt", `${tokens.length} tokens`, model.contextLength);
    }
    const numBefore = parts.slice(0, layout.indexOf("prefix")).flat().length;
    const start = before.length + numBefore;
    all.push({ tokens, start, end: start + prefix.length });
  }
  return all;
}

type Encode = (text: string, withSpecial?: boolean) => Promise<readonly number[]>;

/** What the model expects before a text, such as bos. */
async function tokensBefore(encode: Encode): Promise<readonly number[]> {
  const plain = await encode("x"), whole = await encode("x", true);
  const length = whole.findIndex((_, at) => plain.every((token, i) => whole[at + i] === token));
  return whole.slice(0, Math.max(0, length));
}

/** Tokens of the text behind the gap, without the blank that some tokenizers put before a text. */
async function suffixTokens(
  { tokenBytes }: Pick<Generator, "tokenBytes">,
  suffix: string,
  encode: Encode,
): Promise<readonly number[]> {
  const [first] = await encode("x");
  if (first === undefined || tokenBytes(first)[0] !== 0x20) return await encode(suffix);
  const stopper = await encode(STOPPER);
  return (await encode(STOPPER + suffix)).slice(stopper.length);
}
