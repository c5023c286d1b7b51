/**
 * The native sampler: parameters in, tokens and logprobs out, one row per output of a forward.
 *
 * @module
 */
import type { Context } from "./context.ts";
import type { SamplerId, TensorId, TicketId } from "./handles.ts";

/** The fields of `aerie_sampling_row` in their order, a 32-bit word each; a test compares them with the header. */
export const ROW_FIELDS = {
  temperature: "float",
  topP: "float",
  minP: "float",
  repetition: "float",
  frequency: "float",
  presence: "float",
  topK: "int32_t",
  position: "int32_t",
  target: "int32_t",
  numTop: "int32_t",
  seedLow: "uint32_t",
  seedHigh: "uint32_t",
  firstChange: "uint32_t",
  numChanges: "uint32_t",
  firstQuery: "uint32_t",
  numQueries: "uint32_t",
  flags: "uint32_t",
  mask: "int32_t",
} as const;

/** The fields of `aerie_logit_change`, likewise. */
export const CHANGE_FIELDS = { token: "int32_t", count: "int32_t", seen: "int32_t", bias: "float" } as const;

/** `aerie_sampling_flag`: the row reports the rank of its token. */
export const REPORT_RANK = 1;

/**
 * How one output row is drawn; see `aerie_sampling_row`. {@linkcode SamplerArrays.add} fills in where its changes and
 * queries are.
 */
export type SamplingRow = {
  readonly [
    Field in Exclude<
      keyof typeof ROW_FIELDS,
      "firstChange" | "numChanges" | "firstQuery" | "numQueries"
    >
  ]: number;
};

/** A row that takes the largest logit and reports nothing but its token. */
export const GREEDY_ROW: SamplingRow = {
  temperature: 0,
  topP: 1,
  minP: 0,
  repetition: 1,
  frequency: 0,
  presence: 0,
  topK: 0,
  position: 0,
  target: -1,
  numTop: -1,
  seedLow: 0,
  seedHigh: 0,
  flags: 0,
  mask: -1,
};

/** A change to one logit before anything else; see `aerie_logit_change`. */
export interface LogitChange {
  readonly token: number;
  /** Occurrences in the output. */
  readonly count: number;
  /** Occurs in prompt or output: the repetition penalty applies. */
  readonly seen: boolean;
  readonly bias: number;
}

/** An array of structs of 32-bit words, which grows. */
class Structs<Field extends string> {
  readonly #fields: readonly (readonly [name: Field, isFloat: boolean])[];
  #floats: Float32Array<ArrayBuffer>;
  #ints: Int32Array<ArrayBuffer>;
  length = 0;

  constructor(fields: Readonly<Record<Field, string>>, capacity: number) {
    this.#fields = (Object.keys(fields) as Field[]).map((name) => [name, fields[name] === "float"]);
    this.#floats = new Float32Array(capacity * this.#fields.length);
    this.#ints = new Int32Array(this.#floats.buffer);
  }

  /** The structs, as native code takes them. */
  get words(): Int32Array<ArrayBuffer> {
    return this.#ints;
  }

  push(value: Readonly<Record<Field, number>>): void {
    let at = this.length++ * this.#fields.length;
    if (at === this.#ints.length) this.#grow();
    for (const [name, isFloat] of this.#fields) {
      if (isFloat) this.#floats[at++] = value[name];
      else this.#ints[at++] = value[name]; // takes unsigned numbers by their bits
    }
  }

  #grow(): void {
    const before = this.#ints;
    this.#floats = new Float32Array(Math.max(2 * before.length, this.#fields.length));
    this.#ints = new Int32Array(this.#floats.buffer);
    this.#ints.set(before);
  }
}

/**
 * A native sampler with its arrays: rows are added, written, drawn by a forward, and read. Results are those of the
 * last `read`; `queryLogprob` finds queries by the rows added last, so it is called before `clear`.
 */
export class SamplerArrays {
  readonly maxTop: number;
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly logprobs: Float32Array<ArrayBuffer>;
  /** [rows, maxTop], most probable first; -1 where there are fewer than a row asks for. */
  readonly topTokens: Int32Array<ArrayBuffer>;
  readonly topLogprobs: Float32Array<ArrayBuffer>;
  /** 1 + the number of tokens with a larger logit, where {@linkcode REPORT_RANK} asked for it. */
  readonly ranks: Int32Array<ArrayBuffer>;
  readonly #context: Context;
  readonly #id: SamplerId;
  readonly #maskWords: number;
  readonly #rows: Structs<keyof typeof ROW_FIELDS>;
  readonly #changes = new Structs(CHANGE_FIELDS, 0);
  readonly #queries: number[] = [];
  readonly #firstQueries: number[] = [];
  #queryLogprobs = new Float32Array(0);

  /** A sampler for up to `maxOutputs` rows of `vocabSize` logits that reports up to `maxTop` alternatives. */
  constructor(context: Context, maxOutputs: number, vocabSize: number, maxTop: number) {
    this.#context = context;
    this.#id = context.create((out) =>
      context.native.aerie_sampler_create(context.id, out, maxOutputs, vocabSize, maxTop)
    );
    this.#rows = new Structs(ROW_FIELDS, maxOutputs);
    this.maxTop = maxTop;
    this.#maskWords = Math.ceil(vocabSize / 32);
    this.tokens = new Int32Array(maxOutputs);
    this.logprobs = new Float32Array(maxOutputs);
    this.topTokens = new Int32Array(maxOutputs * maxTop);
    this.topLogprobs = new Float32Array(maxOutputs * maxTop);
    this.ranks = new Int32Array(maxOutputs);
  }

  /** Forgets the rows added so far. */
  clear(): void {
    this.#rows.length =
      this.#changes.length =
      this.#queries.length =
      this.#firstQueries.length =
        0;
  }

  /** Adds a row, the changes to its logits and the tokens whose logprobs it reports besides. */
  add(row: SamplingRow, changes: readonly LogitChange[] = [], queries: readonly number[] = []): void {
    const firstChange = this.#changes.length, firstQuery = this.#queries.length;
    for (const change of changes) this.#changes.push({ ...change, seen: Number(change.seen) });
    this.#queries.push(...queries);
    this.#firstQueries.push(firstQuery);
    const ranges = { firstChange, numChanges: changes.length, firstQuery, numQueries: queries.length };
    this.#rows.push({ ...row, ...ranges });
  }

  /**
   * Gives masks [masks, ceil(vocabSize / 32)] to the next `write`: bit t % 32 of word t / 32 is set if token t may be
   * drawn. They are copied.
   *
   * @throws {RangeError} if `words` are no whole masks
   */
  mask(words: Uint32Array<ArrayBuffer>): void {
    const numMasks = words.length / this.#maskWords;
    if (!Number.isInteger(numMasks)) {
      throw new RangeError(
        `Cannot use masks: ${words.length} words, expected a multiple of ${this.#maskWords}`,
      );
    }
    const context = this.#context;
    context.check(context.native.aerie_sampler_mask(context.id, this.#id, words, numMasks));
  }

  /** Sets the parameters of later forwards: the first `numRows` of the rows added, by default all. */
  write(numRows = this.#rows.length): void {
    const queries = Int32Array.from(this.#queries);
    this.#queryLogprobs = new Float32Array(queries.length);
    this.#context.check(this.#context.native.aerie_sampler_write(
      this.#context.id,
      this.#id,
      this.#rows.words,
      numRows,
      this.#changes.words,
      this.#changes.length,
      queries,
      queries.length,
    ));
  }

  /** Draws, or records the draw, from logits [outputs, vocabSize]. */
  forward(logits: TensorId): void {
    this.#context.check(this.#context.native.aerie_sample(this.#context.id, this.#id, logits));
  }

  /**
   * Copies what a launch drew, one of the last four, or the last one, out of native memory.
   *
   * @throws {NativeError} if it drew with more queries than were written last
   */
  read(numRows: number, ticket = 0 as TicketId): void {
    this.#context.check(this.#context.native.aerie_sampler_read(
      this.#context.id,
      this.tokens,
      this.logprobs,
      this.topTokens,
      this.topLogprobs,
      this.ranks,
      this.#queryLogprobs,
      this.#id,
      ticket,
      numRows,
      this.#queryLogprobs.length,
    ));
  }

  /** The logprob of query number `n` of a row. */
  queryLogprob(row: number, n: number): number {
    return this.#queryLogprobs[this.#firstQueries[row]! + n]!;
  }

  /** Frees the native sampler once no recorded forward needs it. */
  release(): void {
    this.#context.check(this.#context.native.aerie_sampler_release(this.#context.id, this.#id));
  }
}
