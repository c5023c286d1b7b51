/**
 * The server's standard error: log lines, and on a terminal one line below them that shows progress in place.
 *
 * @module
 */

/** Where lines go; tests put their own. */
export interface Terminal {
  write(text: string): void;
  /** Width of the terminal; undefined if this is none. */
  readonly columns: number | undefined;
  /** Milliseconds on a monotonic clock. */
  now(): number;
}

/** Progress of a long piece of work. */
export interface ByteProgress {
  readonly label: string;
  readonly doneBytes: number;
  readonly totalBytes?: number;
}

const REDRAW_MS = 100;
/** Time between two plain lines about the same work where there is no terminal. */
const PLAIN_INTERVAL_MS = 30_000;
const CLEAR = "\r\x1b[2K";
const BAR_WIDTH = 24;

/** Prints lines and keeps a progress line below them. */
export class Progress {
  readonly #terminal: Terminal;
  /** Texts of the work in progress by key, side by side in one line. */
  readonly #shown = new Map<string, string>();
  readonly #printedAt = new Map<string, number>();
  #drawnAt = -Infinity;
  #isDrawn = false;

  constructor(terminal: Terminal = standardError()) {
    this.#terminal = terminal;
  }

  /** Prints a line that stays. */
  print(line: string): void {
    this.#terminal.write(`${this.#isDrawn ? CLEAR : ""}${line}\n`);
    this.#isDrawn = false;
    if (this.#shown.size > 0) this.#draw();
  }

  /** Shows how the work named `key` goes; as a plain line now and then where there is no terminal. */
  show(key: string, text: string): void {
    const now = this.#terminal.now();
    if (this.#terminal.columns === undefined) {
      if (now - (this.#printedAt.get(key) ?? -Infinity) < PLAIN_INTERVAL_MS) return;
      this.#printedAt.set(key, now);
      return this.print(text);
    }
    const isNew = !this.#shown.has(key);
    this.#shown.set(key, text);
    if (isNew || now - this.#drawnAt >= REDRAW_MS) this.#draw();
  }

  /** Shows a bar, on a terminal only. */
  showBytes(progress: ByteProgress): void {
    if (this.#terminal.columns !== undefined) this.show(progress.label, barOf(progress));
  }

  /** Takes the progress line away; all work is done. */
  clear(): void {
    this.#shown.clear();
    if (this.#isDrawn) this.#terminal.write(CLEAR);
    this.#isDrawn = false;
  }

  #draw(): void {
    const line = [...this.#shown.values()].join(" | ");
    // One column stays free: a full line would wrap and could not be cleared.
    this.#terminal.write(CLEAR + line.slice(0, this.#terminal.columns! - 1));
    this.#drawnAt = this.#terminal.now();
    this.#isDrawn = true;
  }
}

function barOf({ label, doneBytes, totalBytes }: ByteProgress): string {
  const done = (doneBytes / 1e6).toFixed(1);
  if (!totalBytes) return `${label} ${done} MB`;
  const share = Math.min(1, doneBytes / totalBytes);
  const bar = "#".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
  return `${label} [${bar}] ${Math.floor(share * 100)}% of ${(totalBytes / 1e6).toFixed(1)} MB`;
}

function standardError(): Terminal {
  const encoder = new TextEncoder();
  return {
    write(text) {
      try {
        const bytes = encoder.encode(text);
        for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
      } catch {
        // The reader of the log is gone; the server goes on without it.
      }
    },
    columns: Deno.stderr.isTerminal() ? Deno.consoleSize().columns : undefined,
    now: () => performance.now(),
  };
}
