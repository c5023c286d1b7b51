/**
 * Checks what tokenizer.json says beyond the types of its fields, so that no file makes loading or the first text
 * fail in a library, or never end.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import { vocabularyOf } from "./encoding/model.ts";
import type { AddedTokenEntry, TokenizerJson, TokenizerStep } from "./source.ts";

/** Ids are positions in arrays; published vocabularies end below 300,000. */
const MAX_TOKEN_ID = 1 << 24;

/** Characters of an added token, and of all: every beginning of a special one is kept, to keep users from writing it. */
const MAX_ADDED_CHARS = 1024, MAX_ALL_ADDED_CHARS = 4 << 20;

/** Published tokenizers have ten steps at most. */
const MAX_STEPS = 64;

/** How much longer a text may become by replacements, one after the other. */
const MAX_GROWTH = 64;

/** Where a step of type Sequence keeps its steps, by kind. */
const KINDS = [
  ["normalizer", "normalizers"],
  ["pre_tokenizer", "pretokenizers"],
  ["post_processor", "processors"],
  ["decoder", "decoders"],
] as const;

/**
 * Checks steps, vocabulary and merges.
 *
 * @throws {LoadError} naming the field at fault
 */
export function checkTokenizer(path: string, json: TokenizerJson): void {
  const fail = (reason: string) => new LoadError(`Cannot read ${path}: ${reason}`);
  for (const [kind, list] of KINDS) checkSteps(kind, list, json[kind], fail);
  checkAddedTokens(json.added_tokens, fail);
  const { type, vocab, merges } = json.model;
  if (type === "Unigram") checkPieces(vocab, fail);
  else checkVocabulary(vocab, fail);
  if (type === "BPE") checkMerges(merges, fail);
  checkAddedIds(json, fail);
}

/**
 * Checks that added tokens have the ids that the Rust library gives them, whatever the file says: those of the
 * vocabulary, or the next ones behind it.
 *
 * @throws {LoadError} as `fail` makes it
 */
function checkAddedIds({ added_tokens: entries, model }: TokenizerJson, fail: Fail): void {
  const { vocab } = model, ids = vocabularyOf(model);
  let next = Array.isArray(vocab) ? vocab.length : ids.size;
  for (const { id, content } of entries) {
    const given = ids.get(content) ?? next++;
    ids.set(content, given);
    if (given !== id) {
      throw fail(`added_tokens: ${brief(content)} has id ${id}, but ${given} in the vocabulary`);
    }
  }
}

type Fail = (reason: string) => LoadError;

/**
 * Checks ids and lengths of added tokens.
 *
 * @throws {LoadError} as `fail` makes it
 */
export function checkAddedTokens(entries: readonly AddedTokenEntry[], fail: Fail): void {
  let numChars = 0;
  for (const { id, content } of entries) {
    if (id > MAX_TOKEN_ID) throw fail(`added_tokens: ${brief(content)} has id ${id}`);
    numChars += content.length;
    if (content.length > MAX_ADDED_CHARS || numChars > MAX_ALL_ADDED_CHARS) {
      throw fail(`added_tokens: ${brief(content)} and those before it are too long`);
    }
  }
}

function checkSteps(kind: string, list: string, first: TokenizerStep | null, fail: Fail): void {
  let growth = 1, numSteps = 0;
  const waiting: unknown[] = first === null ? [] : [first];
  for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
    if (!isStep(step)) throw fail(`${kind}: ${brief(step)} is no step`);
    if (++numSteps > MAX_STEPS) throw fail(`${kind}: it has more than ${MAX_STEPS} steps`);
    if (step.type === "Sequence") {
      const steps = step[list];
      if (!Array.isArray(steps)) throw fail(`${kind}.${list}: expected a list of steps`);
      if (steps.length > MAX_STEPS) throw fail(`${kind}: it has more than ${MAX_STEPS} steps`);
      waiting.push(...steps);
    } else if (step.type === "Replace") {
      growth *= growthOf(step);
      if (!(growth <= MAX_GROWTH)) throw fail(`${kind}: its replacements make texts too long`);
    }
  }
}

function isStep(value: unknown): value is TokenizerStep {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** How many times longer a text becomes at most. */
function growthOf(step: TokenizerStep): number {
  const content = step["content"], pattern = step["pattern"] as { readonly String?: unknown } | undefined;
  if (typeof content !== "string") return Infinity;
  const least = typeof pattern?.String === "string" ? pattern.String.length : 0;
  // An expression, or an empty text, may match before every character.
  return Math.max(1, least > 0 ? content.length / least : content.length + 1);
}

function checkVocabulary(vocab: unknown, fail: Fail): void {
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab)) {
    throw fail(`model.vocab: ${brief(vocab)}, expected an object with the id of each token`);
  }
  let numTokens = 0;
  for (const [token, id] of Object.entries(vocab)) {
    numTokens++;
    if (!Number.isInteger(id) || id < 0 || id > MAX_TOKEN_ID) {
      throw fail(`model.vocab: ${brief(token)} has id ${brief(id)}, expected 0..${MAX_TOKEN_ID}`);
    }
  }
  if (numTokens === 0) throw fail("model.vocab: it is empty");
}

function checkPieces(vocab: unknown, fail: Fail): void {
  const isPiece = (piece: unknown) =>
    Array.isArray(piece) && typeof piece[0] === "string" && typeof piece[1] === "number";
  if (!Array.isArray(vocab) || vocab.length === 0 || vocab.length > MAX_TOKEN_ID || !vocab.every(isPiece)) {
    throw fail("model.vocab: expected a list of pieces with their scores");
  }
}

function checkMerges(merges: unknown, fail: Fail): void {
  if (!Array.isArray(merges)) throw fail(`model.merges: ${brief(merges)}, expected a list of pairs`);
  for (const merge of merges) {
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((part) => typeof part === "string")) {
      throw fail(`model.merges: ${brief(merge)}, expected two tokens`);
    }
  }
}

/** A value in a few words. */
function brief(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return JSON.stringify(value)?.slice(0, 60) ?? "nothing";
}
