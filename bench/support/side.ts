/**
 * One side of a comparison: an engine in a process of its own, asked for greedy streams.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** One stream: when each token was there, in milliseconds from the moment the prompts were given. */
export interface Stream {
  readonly timesMs: readonly number[];
  /** The tokens, where the side tells them. */
  readonly tokens?: readonly number[];
}

/** What a side is asked for: a stream per prompt, all at once, each of `numTokens` tokens, end tokens included. */
export interface Question {
  readonly prompts: readonly (readonly number[])[];
  readonly numTokens: number;
  /** One more prompt, given later, of which one token is wanted; the streams end when it is there. */
  readonly late?: { readonly prompt: readonly number[]; readonly afterMs: number };
}

/** What a side is made for. */
export interface Setup {
  readonly modelFile: string;
  readonly threads: number;
  /** Prompts of a question. */
  readonly streams: number;
  /** Prompt and generated tokens of a stream. */
  readonly streamTokens: number;
  /** Folder of the server to start, if it is not this one. */
  readonly serverRoot?: string;
  /** llama.cpp: rows of a forward at most. */
  readonly batchSize?: number;
}

/** An engine that has loaded its model. Disposing ends its process. */
export interface Side extends AsyncDisposable {
  /** A stream per prompt; that of the late one is the last. */
  generate(question: Question): Promise<Stream[]>;
}

/** A side that answers a line of JSON, a {@linkcode Question}, with a line of JSON, a list of {@linkcode Stream}. */
export class ProcessSide implements Side {
  readonly #command: string;
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  /** Runs the program with the setup as its last arguments: GGUF, threads, streams, tokens of a stream. */
  constructor([program, ...args]: readonly [string, ...string[]], setup: Setup) {
    const { modelFile, threads, streams, streamTokens } = setup;
    this.#command = args.at(-1) ?? program;
    const allArgs = [...args, modelFile, ...[threads, streams, streamTokens].map(String)];
    this.#process = spawn(program, allArgs, { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async generate(question: Question): Promise<Stream[]> {
    this.#process.stdin!.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`Cannot measure ${this.#command}: its process ended`);
    return JSON.parse(value);
  }

  /** Ends the process by ending its input. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin!.end();
    await ended(this.#process);
  }
}

/** Resolves when the process is gone. */
export async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  await new Promise((resolve) => process.once("close", resolve));
}
