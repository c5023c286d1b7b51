/**
 * Invariance of every architecture, bit for bit: chunks, batch mates, recording and draft trees change no logit.
 *
 * @module
 */
import assert from "node:assert/strict";
import { findArchitecture } from "../../../runtime/architectures/registry.ts";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import { type Arrangement, logitsOf } from "../../support/arrangements.ts";
import { assertSameBits } from "../../support/close.ts";
import { isSimulatorBuilt, SIMULATED, type Simulated } from "../../support/cuda_sim.ts";
import { ModelRunner, verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import { ALL_ISAS, hasIsa, type Isa } from "../../support/native.ts";
import { REFERENCE_CASES } from "../../support/reference_models.ts";

const best = ALL_ISAS.filter(hasIsa).at(-1)!;

const ARRANGEMENTS: readonly Arrangement[] = [
  { name: "token by token among 2 others", chunk: 1, numOthers: 2 },
  { name: "chunks of 7, pages of 32, among 3 others", firstChunk: 13, chunk: 7, numOthers: 3, pageSize: 32 },
  { name: "recorded, in chunks of 16, one thread", chunk: 16, threads: 1, graph: "recorded" },
];

/** Positions, more than any window. */
const LENGTH = 50;

function checkArrangements(checkpoint: Checkpoint, kernels: Isa | Simulated): void {
  const run = (arrangement: Omit<Arrangement, "name">) => {
    const { threads = 2, pageSize = 16, graph } = arrangement;
    using runner = new ModelRunner(verifierConfig(checkpoint, { threads, pageSize }), kernels, graph);
    return logitsOf(runner, arrangement, LENGTH);
  };
  const expected = run({});
  assert.ok(new Set(expected.map((row) => row.indexOf(Math.max(...row)))).size > 5, "rows differ");
  for (const arrangement of ARRANGEMENTS) {
    run(arrangement).forEach((row, position) =>
      assertSameBits(row, expected[position]!, `${arrangement.name}, position ${position}`)
    );
  }
}

/** A tree deeper than the smallest window, with branches. */
const PARENTS = [-1, 0, 1, 1, 3, 4, 5, 5, 7, 8, 9, 10, 10, 12, 0, 14, -1, 16];

function checkTree(checkpoint: Checkpoint, kernels: Isa | Simulated): void {
  const prompt = Array.from({ length: 30 }, (_, i) => (i * 37 + 11) % 300);
  const nodes = PARENTS.map((_, node) => (node * 29 + 3) % 300), pages = Int32Array.of(5, 2, 9, 1);
  using runner = new ModelRunner(verifierConfig(checkpoint), kernels);
  const tree = {
    tokens: Int32Array.from(nodes),
    parents: Int32Array.from(PARENTS),
    probabilities: new Float32Array(PARENTS.length),
  };
  const rows = runner.forward([{ tokens: Int32Array.from(prompt), start: 0, pages, tree }]);
  PARENTS.forEach((_, node) => {
    const path: number[] = [];
    for (let at = node; at >= 0; at = PARENTS[at]!) path.unshift(nodes[at]!);
    const straight = runner.forward([{ tokens: Int32Array.from([...prompt, ...path]), start: 0, pages }]);
    assertSameBits(rows[prompt.length + node]!, straight.at(-1)!, `node ${node}`);
  });
}

for (const [name, { architecture, config }] of Object.entries(REFERENCE_CASES)) {
  if (name.includes("long rope")) continue;
  const change = { ...findArchitecture(architecture)!.readConfig(name, config), architecture };
  const withCheckpoint = (body: (checkpoint: Checkpoint) => void) =>
    withTinyCheckpoint({ kind: "safetensors", seed: 7, config: change }, (checkpoint) => {
      assert.deepEqual(checkpoint.config.layers, change.layers);
      body(checkpoint);
    });

  Deno.test(`${name}: no arrangement of forwards and no tree changes a bit`, () =>
    withCheckpoint((checkpoint) => {
      checkArrangements(checkpoint, best);
      checkTree(checkpoint, best);
    }));

  // A simulated forward takes long; windows, caps and norms on all sides are in this one.
  if (name !== "gemma2") continue;
  Deno.test({
    name: `cuda: ${name}: no tree changes a bit`,
    ignore: !isSimulatorBuilt,
    fn: () => withCheckpoint((checkpoint) => checkTree(checkpoint, SIMULATED[1]!)),
  });
}
