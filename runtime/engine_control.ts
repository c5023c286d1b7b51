/**
 * The engine's side of pauses, settings and profiles: commands to the scheduler, answers in their order, and the file
 * that a profile becomes.
 *
 * @module
 */
import { join } from "node:path";
import type { ControlCommand, ControlFact, PauseMode, SchedulerSettings } from "./control_messages.ts";
import { InvalidRequestError } from "./errors.ts";
import type { GeneratorControl, ProfileRequest } from "./generation.ts";
import { TraceFile } from "./trace_file.ts";
import { cacheFolder } from "./weights/default_model.ts";

/** Steps in a profile whose length was left open. */
const MAX_STEPS = 50_000;

/** What {@linkcode EngineControl} is made of. */
export interface EngineControlOptions {
  /** Sends a command to the scheduler; throws while there is none. */
  readonly send: (command: ControlCommand) => void;
  /** Called with settings that are in effect now. */
  readonly onConfigured: (settings: SchedulerSettings) => void;
  /** Folder of profiles; one in the cache if undefined. */
  readonly profileDir: string | undefined;
  /** Takes log lines. */
  readonly log: (level: "info" | "error", text: string) => void;
}

/** See the module's comment. */
export class EngineControl implements GeneratorControl {
  #isPaused = false;
  readonly #options: EngineControlOptions;
  /** Commands whose answer has not come. */
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #trace: TraceFile | undefined;
  /** The trace is over when this resolves. */
  #traced: PromiseWithResolvers<string> | undefined;

  constructor(options: EngineControlOptions) {
    this.#options = options;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  async pause(mode: PauseMode): Promise<void> {
    await this.#ask({ type: "pause", mode });
    this.#isPaused = true;
  }

  async resume(): Promise<void> {
    await this.#ask({ type: "resume" });
    this.#isPaused = false;
  }

  async configure(settings: SchedulerSettings): Promise<void> {
    await this.#ask({ type: "configure", settings });
    this.#options.onConfigured(settings);
  }

  async startProfile(
    { folder = ".", prefix = "", numSkipped = 0, numSteps = MAX_STEPS }: ProfileRequest,
  ): Promise<string> {
    if (this.#traced !== undefined) {
      throw new InvalidRequestError("Cannot start profile: one is being made, /stop_profile ends it");
    }
    const traced = this.#traced = Promise.withResolvers<string>();
    traced.promise.catch(() => {});
    try {
      const root = this.#options.profileDir ?? join(cacheFolder(), "profiles");
      this.#trace = await TraceFile.create(root, { folder, prefix });
      await this.#ask({ type: "startProfile", numSkipped, numSteps: Math.min(numSteps, MAX_STEPS) });
      return this.#trace.path;
    } catch (error) {
      const trace = this.#trace;
      this.#trace = this.#traced = undefined;
      await trace?.abandon();
      throw error;
    }
  }

  async stopProfile(): Promise<string> {
    const traced = this.#traced;
    // Without a file the scheduler was not asked to start yet.
    if (traced === undefined || this.#trace === undefined) {
      throw new InvalidRequestError("Cannot stop profile: none is being made");
    }
    this.#options.send({ type: "stopProfile" });
    return await traced.promise;
  }

  /** Takes what the scheduler said. */
  hear(fact: ControlFact): void {
    if (fact.type !== "profiled") return this.#waiting.shift()?.resolve();
    const trace = this.#trace, traced = this.#traced;
    trace?.add(fact.steps);
    if (!fact.isLast || trace === undefined || traced === undefined) return;
    this.#trace = this.#traced = undefined;
    trace.close().then(() => {
      this.#options.log("info", `Profile written: ${trace.path}`);
      traced.resolve(trace.path);
    }, (error) => {
      this.#options.log("error", `Cannot write profile: ${error instanceof Error ? error.message : error}`);
      traced.reject(error);
    });
  }

  /** Fails everything that waits for the scheduler: it is gone. */
  end(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#traced?.reject(error);
    if (this.#trace !== undefined) {
      this.#options.log("error", `Profile not written, since the engine ends: ${this.#trace.path}`);
      void this.#trace.abandon();
    }
    this.#trace = this.#traced = undefined;
  }

  async #ask(command: ControlCommand): Promise<void> {
    this.#options.send(command);
    const answered = Promise.withResolvers<void>();
    this.#waiting.push(answered);
    await answered.promise;
  }
}
