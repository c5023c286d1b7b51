/**
 * What a decode step asks of a device, counted by the simulator: launches, copies and waits, with graphs and without.
 *
 * @module
 */
import { systemClock } from "../../runtime/actor/clock.ts";
import { defaultSamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { TargetRunner } from "../../runtime/models/target_runner.ts";
import { SequenceSampling } from "../../runtime/sampling/sequence_sampling.ts";
import { Verification } from "../../runtime/speculation/verification.ts";
import { forgetCounts, simCounts, simulate } from "../../tests/support/cuda_sim.ts";
import { verifierConfig, withTinyCheckpoint } from "../../tests/support/models.ts";

/** Layers of Llama-3.1-8B; the other sizes change no count. */
const LAYERS = 32;

/** What stands before {@linkcode launchTable}. */
export const LAUNCH_TEXT =
  `Calls of the runtime by a step of one sequence, greedy, counted in the simulator on a model of ${LAYERS} layers.`;

/** Counts of a step with graphs and without. */
export async function launchTable(): Promise<string[][]> {
  const rows: string[][] = [[
    "step",
    "launches",
    "graph launches",
    "kernels in graphs",
    "copies to device",
    "copies to host",
    "waits",
  ]];
  await withTinyCheckpoint({ kind: "safetensors", seed: 1, config: { numLayers: LAYERS } }, (checkpoint) => {
    for (const [name, graphSequences] of [["op by op", 0], ["by graph", 1]] as const) {
      const config = { ...simulate(), graphSequences, maxNodes: 3, kvDtype: "bfloat16" } as const;
      using runner = new TargetRunner(verifierConfig(checkpoint, config), {
        log: () => {},
        clock: systemClock,
      });
      const tokens = Int32Array.of(1, 2, 3, 4);
      const sampling = new SequenceSampling(
        {
          requestId: "r",
          sampling: { ...defaultSamplingParams, temperature: 0 },
          tokens,
          numPromptTokens: 4,
        },
        [],
      );
      const segment = { requestId: "r", pages: Int32Array.of(1), sample: true };
      const step = (start: number, end: number) =>
        runner.run(
          new Verification([{ ...segment, start, tokens: tokens.subarray(start, end) }], () => sampling, {
            pageSize: 16,
          }),
        );
      step(0, 3);
      forgetCounts();
      step(3, 4);
      const counts = simCounts();
      rows.push([
        name,
        ...[
          counts.launches,
          counts.graphLaunches,
          counts.graphKernels,
          counts.copiesToDevice,
          counts.copiesToHost,
          counts.waits,
        ].map(String),
      ]);
    }
  });
  return rows;
}
