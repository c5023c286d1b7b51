/**
 * Pauses, settings and profiles: commands to the scheduler, and the file that a profile becomes.
 *
 * @module
 */
import { join } from "node:path";
import type { PauseMode, SchedulerSettings } from "../contracts/scheduler_settings.ts";
import type { Profiled, StopProfile } from "../messages/control.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import type { GeneratorControl, ProfileRequest } from "../contracts/generation.ts";
import type { SchedulerCalls } from "./scheduler_calls.ts";
import { TraceFile } from "./trace_file.ts";
import { cacheFolder } from "../weights/default_model.ts";

/** Steps in a profile whose length was left open. */
const MAX_STEPS = 50_000;

/** What {@linkcode EngineControl} is made of. */
export interface EngineControlOptions {
  /** Calls of the scheduler. */
  readonly calls: SchedulerCalls;
  /** Sends a command that has no answer of its own. */
  readonly send: (command: StopProfile) => void;
  /** Called with settings that are in effect now. */
  readonly onConfigured: (settings: SchedulerSettings) => void;
  /** Folder of profiles; one in the cache if undefined. */
  readonly profileDir: string | undefined;
  /** Takes log lines. */
  readonly log: (level: "info" | "error", text: string) => void;
}

/** The levers of a running engine. */
export class EngineControl implements GeneratorControl {
  #isPaused = false;
  readonly #options: EngineControlOptions;
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
    await this.#options.calls.call({ type: "pause", mode });
    this.#isPaused = true;
  }

  async resume(): Promise<void> {
    await this.#options.calls.call({ type: "resume" });
    this.#isPaused = false;
  }

  async configure(settings: SchedulerSettings): Promise<void> {
    await this.#options.calls.call({ type: "configure", settings });
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
      await this.#options.calls.call({
        type: "startProfile",
        numSkipped,
        numSteps: Math.min(numSteps, MAX_STEPS),
      });
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

  /** Takes steps that were recorded. */
  onProfiled({ steps, isLast }: Profiled): void {
    const trace = this.#trace, traced = this.#traced;
    trace?.add(steps);
    if (!isLast || trace === undefined || traced === undefined) return;
    this.#trace = this.#traced = undefined;
    trace.close().then(() => {
      this.#options.log("info", `Profile written: ${trace.path}`);
      traced.resolve(trace.path);
    }, (error) => {
      this.#options.log("error", `Cannot write profile: ${error instanceof Error ? error.message : error}`);
      traced.reject(error);
    });
  }

  /** Fails a profile that is being made: the scheduler is gone. */
  end(error: Error): void {
    this.#traced?.reject(error);
    if (this.#trace !== undefined) {
      this.#options.log("error", `Profile not written, since the engine ends: ${this.#trace.path}`);
      void this.#trace.abandon();
    }
    this.#trace = this.#traced = undefined;
  }
}
