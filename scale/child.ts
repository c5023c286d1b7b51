/**
 * One process of the fleet, whose lines go to one log.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";

/** Options of a process. */
export interface ChildOptions {
  /** Prefix of each of its lines. */
  readonly name: string;
  readonly command: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly print: (line: string) => void;
}

/** A process in a session of its own: Ctrl+C in a terminal reaches it only through the process that started it. */
export class Child {
  /** Process id. */
  readonly pid: number;
  /** Resolves when it has ended and all it said is printed: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | Deno.Signal>;
  readonly #process: Deno.ChildProcess;
  #isOver = false;

  /** Starts it. */
  constructor({ name, command: [program, ...args], env, print }: ChildOptions) {
    this.#process = new Deno.Command(program!, {
      args,
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.pid = this.#process.pid;
    const { stdout, stderr, status } = this.#process;
    const lines = [stdout, stderr].map((stream) => printLines(stream, (line) => print(`[${name}] ${line}`)));
    this.ended = Promise.all([status, ...lines]).then(([{ code, signal }]) => {
      this.#isOver = true;
      return signal ?? code;
    });
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends it a signal, unless it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      if (!this.#isOver) this.#process.kill(signal);
    } catch {
      // It ended just now.
    }
  }
}

async function printLines(stream: ReadableStream<Uint8Array>, print: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) print(stripVTControlCharacters(line.trimEnd()));
  }
  rest += decoder.decode();
  if (rest !== "") print(stripVTControlCharacters(rest));
}
