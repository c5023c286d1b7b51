/**
 * Progress on a terminal and elsewhere.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { Progress, type Terminal } from "../../cli/progress.ts";

/** A terminal that remembers what was written, with a clock that is set by hand. */
class FakeTerminal implements Terminal {
  readonly columns: number | undefined;
  written = "";
  #now = 0;

  constructor(columns?: number) {
    this.columns = columns;
  }

  write(text: string): void {
    this.written += text;
  }

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  /** What the eye sees: the lines, after carriage returns and clearing. */
  get screen(): string[] {
    return this.written.split("\n").map((line) => line.split("\r\x1b[2K").at(-1)!);
  }
}

Deno.test("Progress: on a terminal the work in progress stays below the lines", () => {
  const terminal = new FakeTerminal(80);
  const progress = new Progress(terminal);
  progress.print("first");
  progress.show("build", "building 0%");
  progress.print("second");
  assert.deepEqual(terminal.screen, ["first", "second", "building 0%"]);
  progress.show("other", "loading");
  assert.deepEqual(terminal.screen, ["first", "second", "building 0% | loading"]);
  progress.clear();
  progress.print("third");
  assert.deepEqual(terminal.screen, ["first", "second", "third", ""]);
});

Deno.test("Progress: a terminal is not flooded and no line is wider than it", () => {
  const terminal = new FakeTerminal(20);
  const progress = new Progress(terminal);
  for (let percent = 0; percent <= 100; percent++) progress.show("build", `${percent}% of a long text`);
  assert.deepEqual(terminal.screen, ["0% of a long text"]);
  terminal.advance(1000);
  progress.show("build", "a text that is longer than the line");
  assert.equal(terminal.screen.at(-1)!.length, 19);
});

Deno.test("Progress: a download is a bar with its share", () => {
  const terminal = new FakeTerminal(80);
  const progress = new Progress(terminal);
  progress.showBytes({ label: "Downloading m", doneBytes: 25e6, totalBytes: 100e6 });
  assert.equal(terminal.screen.at(-1), "Downloading m [######..................] 25% of 100.0 MB");
});

Deno.test("Progress: elsewhere work is a plain line now and then, downloads are silent", () => {
  const terminal = new FakeTerminal();
  const progress = new Progress(terminal);
  progress.showBytes({ label: "Downloading m", doneBytes: 1, totalBytes: 2 });
  for (let percent = 0; percent < 50; percent++) progress.show("build", `building ${percent}%`);
  assert.equal(terminal.written, "building 0%\n");
  terminal.advance(60_000);
  progress.show("build", "building 90%");
  progress.clear();
  assert.equal(terminal.written, "building 0%\nbuilding 90%\n");
});
