/**
 * One side of a comparison: a child process that answers a line of JSON with a line of JSON.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A generation, timed by the side itself: up to the first token, and from there to the last. */
export interface Round {
  readonly numPromptTokens: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly tokens: readonly number[];
}

/** Prompt tokens and the GGUF that is served. */
export interface Encoded {
  readonly modelFile: string;
  readonly tokens: number[];
}

/** What a side is asked; `encode` goes to Aerie only. */
export type Question =
  | { readonly type: "encode"; readonly text: string }
  | { readonly type: "generate"; readonly prompt: readonly number[]; readonly numTokens: number };

/** A child process that loads a model once and then answers questions. */
export class Side implements AsyncDisposable {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  /** @param command program and arguments */
  constructor(name: string, [program, ...args]: readonly [string, ...string[]]) {
    this.name = name;
    this.#process = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** Sends a question and waits for the answer, as long as it takes. */
  async ask(question: Extract<Question, { type: "encode" }>): Promise<Encoded>;
  async ask(question: Extract<Question, { type: "generate" }>): Promise<Round>;
  async ask(question: Question): Promise<Encoded | Round> {
    this.#process.stdin!.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`Cannot measure ${this.name}: its process ended`);
    return JSON.parse(value);
  }

  /** Ends the process by ending its input. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("close", resolve));
    this.#process.stdin!.end();
    if (this.#process.exitCode === null) await ended;
  }
}
