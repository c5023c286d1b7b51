/**
 * Measures how much of a decode step is native. The engine runs as in production; only the Worker of its actors is
 * replaced by one whose verifier adds up the time of its forwards.
 *
 * @module
 */
import type { EngineOptions } from "../../runtime/engine/options.ts";
import { startEngine } from "../../runtime/engine/engine.ts";
import { defaultSamplingParams } from "../../runtime/contracts/sampling_params.ts";
import type { DecodeTime } from "./timed_verifier.ts";

/** Mean times of a decode step in one generation, in milliseconds: all of it, and the native forward within it. */
export interface StepTime {
  readonly stepMs: number;
  readonly forwardMs: number;
}

/** Generations that do not count: V8 compiles what runs often, and that takes a thousand steps. */
const NUM_WARM_UPS = 10;

/** Greedy generations of `numTokens` tokens, one after another, once the engine is warm. */
export async function measureSteps(
  options: EngineOptions,
  { promptTokens, numTokens, numRounds }: {
    readonly promptTokens: Int32Array;
    readonly numTokens: number;
    readonly numRounds: number;
  },
): Promise<StepTime[]> {
  let decodeTime = Promise.withResolvers<DecodeTime>();
  const log = (_level: string, text: string) => {
    if (text.startsWith("{")) decodeTime.resolve(JSON.parse(text));
  };
  await using engine = await withTimedVerifier(() => startEngine({ ...options, log }));
  const sampling = { ...defaultSamplingParams, temperature: 0, maxTokens: numTokens, ignoreEos: true };
  const steps: StepTime[] = [];
  for (let round = 0; round < NUM_WARM_UPS + numRounds; round++) {
    decodeTime = Promise.withResolvers();
    const times: number[] = [];
    for await (const { tokens } of engine.generate({ requestId: `${round}`, promptTokens, sampling })) {
      if (tokens.length > 0) times.push(performance.now());
    }
    const { numSteps, forwardMs } = await decodeTime.promise;
    steps.push({ stepMs: (times.at(-1)! - times[0]!) / numSteps, forwardMs: forwardMs / numSteps });
  }
  return steps.slice(NUM_WARM_UPS);
}

async function withTimedVerifier<T>(run: () => Promise<T>): Promise<T> {
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor(specifier: string | URL, options?: WorkerOptions) {
      const isActors = options?.name === "actors";
      super(isActors ? new URL("./timed_verifier.ts", import.meta.url) : specifier, options);
    }
  };
  try {
    return await run();
  } finally {
    globalThis.Worker = Worker;
  }
}
