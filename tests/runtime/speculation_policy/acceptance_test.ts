import assert from "node:assert/strict";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import { Acceptance } from "../../../runtime/speculation_policy/acceptance.ts";

Deno.test("observed acceptance corrects the drafter's probability, and no node is likelier than its parent", () => {
  const acceptance = new Acceptance(3);
  const tree = chainOf(Int32Array.of(5, 6, 7), Float32Array.of(0.9, 0.5, 0.2));
  const before = acceptance.calibrate(tree);
  assert.ok(Math.abs(before[0]! - 0.9) < 1e-6 && Math.abs(before[2]! - 0.2) < 1e-6);
  for (let i = 0; i < 200; i++) {
    acceptance.observe({ tree, numLevels: 3, numDecoding: 1, accepted: Int32Array.of() });
  }
  const humbled = acceptance.calibrate(tree);
  assert.ok(humbled.every((probability) => probability < 0.05), `${humbled}`);
  assert.ok(acceptance.expect(3, 1).accepted < 0.15);
  for (let i = 0; i < 500; i++) {
    acceptance.observe({ tree, numLevels: 3, numDecoding: 1, accepted: Int32Array.of(0, 1, 2) });
  }
  const encouraged = acceptance.calibrate(tree);
  assert.ok(encouraged.every((probability) => probability > 0.8), `${encouraged}`);
  assert.ok(acceptance.expect(3, 1).accepted > 2.9);
  assert.ok(acceptance.expect(3, 8).accepted > 2.9, "a new load begins with what the nearest one knows");
  for (let i = 0; i < 200; i++) {
    acceptance.observe({ tree, numLevels: 3, numDecoding: 8, accepted: Int32Array.of() });
  }
  assert.ok(acceptance.expect(3, 8).accepted < 0.3 && acceptance.expect(3, 1).accepted > 2.9);
  assert.ok(encouraged[0]! >= encouraged[1]! && encouraged[1]! >= encouraged[2]!);
});

Deno.test("acceptance is learnt level by level", () => {
  const acceptance = new Acceptance(4);
  const tree = chainOf(Int32Array.of(5, 6, 7, 8), Float32Array.of(0.9, 0.8, 0.7, 0.6));
  for (let i = 0; i < 300; i++) {
    acceptance.observe(
      { tree, numLevels: 4, numDecoding: 1, accepted: i % 2 ? Int32Array.of(0, 1) : Int32Array.of(0) },
    );
  }
  const [one, two, three] = [1, 2, 3].map((levels) => acceptance.expect(levels, 1).accepted);
  assert.ok(
    Math.abs(one! - 1) < 0.05 && Math.abs(two! - 1.5) < 0.1 && three! - two! < 0.15,
    `${one} ${two} ${three}`,
  );
});
