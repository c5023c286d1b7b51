/**
 * Log-probabilities in the form of the legacy completions.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { Generator } from "../../runtime/contracts/generation.ts";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import { finite } from "../generation/logprobs.ts";
import type { Output } from "../generation/run.ts";
import type { legacyLogprobs } from "../schema/completions.ts";
import { inParts, type Slices } from "../answers/slices.ts";

type Logprobs = z.infer<typeof legacyLogprobs>;

/** A prompt and how it is shown before what is generated. */
export interface Echo {
  readonly text: string;
  readonly tokens: readonly number[];
  /** Index of the first of them in what the model sees. */
  readonly start: number;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Logprobs of one choice, in one piece or chunk by chunk. */
export class LegacyLogprobs {
  readonly #generator: Pick<Generator, "tokenBytes" | "decodeWithStarts">;
  readonly #numTop: number;
  readonly #echo: Echo | undefined;
  readonly #numEchoed: number;
  /** Tokens of which it is not yet certain where their text begins. */
  readonly #waiting: TokenLogprob[] = [];

  constructor(
    generator: Pick<Generator, "tokenBytes" | "decodeWithStarts">,
    options: { readonly numTop: number; readonly echo: Echo | undefined },
  ) {
    this.#generator = generator;
    this.#numTop = options.numTop;
    this.#echo = options.echo;
    this.#numEchoed = [...options.echo?.text ?? ""].length;
  }

  /** Logprobs of the next chunk of the choice. */
  async take({ promptLogprobs, logprobs, textOffsets }: Output, slices: Slices): Promise<Logprobs> {
    for (const entry of logprobs) this.#waiting.push(entry);
    const { start = 0, tokens = [] } = this.#echo ?? {};
    const prompt = promptLogprobs.slice(start, start + tokens.length);
    const entries = [...prompt, ...this.#waiting.splice(0, textOffsets.length)];
    const echoed = prompt.length > 0 && this.#echo ? echoStarts(this.#generator, this.#echo) : [];
    const label = labelsOf(this.#generator);
    return {
      tokens: await inParts(entries, slices, (part) => part.map(({ token }) => label(token))),
      token_logprobs: entries.map(({ logprob }) => logprob === null ? null : finite(logprob)),
      top_logprobs: this.#numTop === 0
        ? null
        : await inParts(entries, slices, (part) =>
          part.map(({ logprob, top }) =>
            logprob === null ? null : topLogprobs(top.slice(0, this.#numTop), label)
          )),
      text_offset: [...echoed, ...textOffsets.map((offset) => this.#numEchoed + offset)],
    };
  }
}

/** Where the tokens of an echoed prompt begin in its text; what the tokenizer put around that, such as bos, has no width. */
function echoStarts(generator: Pick<Generator, "decodeWithStarts">, { text, tokens }: Echo): number[] {
  const decoded = generator.decodeWithStarts(tokens);
  const begin = [...decoded.text.slice(0, Math.max(0, decoded.text.indexOf(text)))].length;
  const length = [...text].length;
  return decoded.starts.map((start) => Math.min(Math.max(0, start - begin), length));
}

/** Logprobs by token; of two that read the same the second is named by its id. */
function topLogprobs(top: TokenLogprob["top"], labelOf: (token: number) => string): Record<string, number> {
  const byLabel = new Map<string, number>();
  for (const [id, logprob] of top) {
    const label = labelOf(id);
    byLabel.set(byLabel.has(label) ? `token_id:${id}` : label, finite(logprob));
  }
  return Object.fromEntries(byLabel);
}

/** Labels that were read: one answer may name 100,000, and finding out that bytes are no text takes long. */
const knownLabels = new WeakMap<object, string[]>();

function labelsOf(generator: Pick<Generator, "tokenBytes">): (token: number) => string {
  const labels = knownLabels.get(generator) ?? [];
  knownLabels.set(generator, labels);
  return (token) => labels[token] ??= labelOf(generator.tokenBytes(token));
}

/** A token as OpenAI writes it: its text, or `bytes:` and its bytes if it is only part of a character. */
function labelOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return `bytes:${Array.from(bytes, escapeByte).join("")}`;
  }
}

function escapeByte(byte: number): string {
  const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
  return isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
}
