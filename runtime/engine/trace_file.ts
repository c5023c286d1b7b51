/**
 * A profile as a file in Chrome's trace format, which Perfetto and chrome://tracing show.
 *
 * @module
 */
import { join, relative, resolve } from "node:path";
import type { StepRecord } from "../messages/control.ts";
import { InvalidRequestError } from "../contracts/errors.ts";

/** Rows of the picture, from top to bottom. */
const THREADS = { step: 1, draft: 2, forward: 3, commit: 4 } as const;

/** Settings of {@linkcode TraceFile.create}. */
export interface TraceFileOptions {
  /** Folder, absolute or below the profile folder. */
  readonly folder: string;
  /** Beginning of the file's name. */
  readonly prefix: string;
}

/** A trace that is being written. */
export class TraceFile {
  /** Where it will be. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #temporary: string;
  /** Resolves when everything so far is written. */
  #written: Promise<void>;

  private constructor(path: string, temporary: string, file: Deno.FsFile) {
    this.path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#written = this.#write(`{"displayTimeUnit":"ms","traceEvents":[\n${lines(threadNames())}`);
    this.#written.catch(() => {});
  }

  /**
   * Begins a trace in `folder`, which must be `root` or lie below it, links followed: clients name it.
   *
   * @throws {InvalidRequestError} if it does not, or there can be no such folder
   */
  static async create(root: string, { folder, prefix }: TraceFileOptions): Promise<TraceFile> {
    const wanted = resolve(root, folder);
    checkBelow(resolve(root), wanted);
    await Deno.mkdir(root, { recursive: true });
    await checkLinks(await Deno.realPath(root), resolve(root), wanted);
    await Deno.mkdir(wanted, { recursive: true }).catch((error) => {
      throw refusal(error instanceof Error ? error.message : String(error));
    });
    const path = join(wanted, `${prefix}aerie-${Date.now()}-${crypto.randomUUID().slice(0, 8)}.trace.json`);
    const temporary = `${path}.part`;
    return new TraceFile(path, temporary, await Deno.open(temporary, { write: true, createNew: true }));
  }

  /** Adds the events of steps. */
  add(steps: readonly StepRecord[]): void {
    if (steps.length === 0) return;
    const text = `,\n${lines(steps.flatMap(eventsOf))}`;
    this.#written = this.#written.then(() => this.#write(text));
    this.#written.catch(() => {});
  }

  /** Ends the file; then it is where `path` says. */
  async close(): Promise<void> {
    try {
      await this.#written;
      await this.#write("\n]}\n");
    } catch (error) {
      await this.abandon();
      throw error;
    }
    this.#file.close();
    await Deno.rename(this.#temporary, this.path);
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    await this.#written.catch(() => {});
    this.#file.close();
    await Deno.remove(this.#temporary).catch(() => {});
  }

  async #write(text: string): Promise<void> {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(await this.#file.write(bytes));
  }
}

function refusal(reason: string): InvalidRequestError {
  return new InvalidRequestError(`Cannot accept output_dir: ${reason}`, "output_dir");
}

function checkBelow(root: string, path: string): void {
  const steps = relative(root, path);
  if (steps === ".." || steps.startsWith("../")) {
    throw refusal("it is not in the folder that --profile-dir names");
  }
}

/** Follows the links of what is there of `wanted`. */
async function checkLinks(realRoot: string, root: string, wanted: string): Promise<void> {
  let path = root;
  for (const name of relative(root, wanted).split("/")) {
    path = join(path, name);
    const real = await Deno.realPath(path).catch(() => undefined);
    if (real === undefined) return;
    checkBelow(realRoot, real);
  }
}

/** One event of a trace: a span, its times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M";
  readonly pid: 1;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args: Readonly<Record<string, number | string>>;
}

/** The spans of a step, one below the other. */
function eventsOf(record: StepRecord): TraceEvent[] {
  const { step, plannedAt, draft, sentAt, forwardedAt, forwardMs, committedAt } = record;
  const span = (
    name: keyof typeof THREADS,
    [start, end]: readonly [number, number],
    args: TraceEvent["args"],
  ): TraceEvent => ({
    name: name === "step" ? `step ${step}` : name,
    ph: "X",
    pid: 1,
    tid: THREADS[name],
    ts: Math.round(start * 1000),
    dur: Math.round((end - start) * 1000),
    args: { step, ...args },
  });
  return [
    span("step", [plannedAt, committedAt], {
      decoding: record.numDecoding,
      prefilling: record.numPrefilling,
      "prompt_rows": record.numPrefillRows,
      "draft_nodes": record.numDraftNodes,
      tokens: record.numTokens,
      running: record.numRunning,
      waiting: record.numWaiting,
    }),
    ...draft ? [span("draft", [draft.sentAt, draft.endedAt], { sequences: draft.numSequences })] : [],
    span("forward", [sentAt, forwardedAt], { "native_ms": forwardMs }),
    span("commit", [forwardedAt, committedAt], {}),
  ];
}

function threadNames(): TraceEvent[] {
  return Object.entries(THREADS).map(([name, tid]) => ({
    name: "thread_name",
    ph: "M",
    pid: 1,
    tid,
    args: { name },
  }));
}

function lines(events: readonly TraceEvent[]): string {
  return events.map((event) => JSON.stringify(event)).join(",\n");
}
