/**
 * @module
 */
import { strict as assert } from "node:assert";
import { chunked, type Indexed, runAll } from "../../../routes/generation/run.ts";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import { FakeGenerator, roundOf } from "../../support/fake_generator.ts";

type Part = [index: number, text: string, numTokens: number, finished?: boolean];

async function chunksOf(interval: number, parts: readonly Part[]): Promise<Part[]> {
  const usage = { numPromptTokens: 1, numCompletionTokens: 0, numCachedTokens: 0, numPreemptions: 0 };
  async function* updates(): AsyncGenerator<Indexed<GenerationUpdate>> {
    for (const [index, text, numTokens, finished] of parts) {
      const finish = finished && { finish: { type: "stop", matched: 0 } as const };
      yield { index, value: { text, tokens: new Array<number>(numTokens).fill(1), usage, ...finish } };
    }
  }
  const chunks: Part[] = [];
  for await (const { index, value } of chunked(updates(), interval)) {
    chunks.push([index, value.text, value.tokens.length, value.finish !== undefined]);
  }
  return chunks;
}

Deno.test("run: the first text comes at once, then every interval, then the rest with the finish", async () => {
  const parts: Part[] = [..."abcdefg"].map((char) => [0, char, 1]);
  assert.deepEqual(await chunksOf(3, [...parts, [0, "h", 1, true]]), [
    [0, "a", 1, false],
    [0, "bcd", 3, false],
    [0, "efg", 3, false],
    [0, "h", 1, true],
  ]);
});

Deno.test("run: steps of several tokens do not jump over the interval", async () => {
  assert.deepEqual(await chunksOf(2, [[0, "ab", 2], [0, "c", 1], [0, "def", 3], [0, "", 1, true]]), [
    [0, "ab", 2, false],
    [0, "cdef", 4, false],
    [0, "", 1, true],
  ]);
});

Deno.test("run: withheld text is not a chunk, its tokens come with the next", async () => {
  assert.deepEqual(await chunksOf(1, [[0, "", 1], [0, "", 1], [0, "x", 1], [0, "", 1, true]]), [
    [0, "x", 3, false],
    [0, "", 1, true],
  ]);
});

Deno.test("run: generations do not wait for each other", async () => {
  assert.deepEqual(
    await chunksOf(2, [[0, "a", 1], [1, "x", 1], [0, "b", 1], [1, "y", 1, true], [0, "c", 1, true]]),
    [
      [0, "a", 1, false],
      [1, "x", 1, false],
      [1, "y", 1, true],
      [0, "bc", 2, true],
    ],
  );
});

const request = (requestId: string) => ({
  requestId,
  promptTokens: Int32Array.of(1),
  sampling: defaultSamplingParams,
});

Deno.test("run: a slow reader misses nothing, whatever comes meanwhile", async () => {
  const generator = new FakeGenerator(() => [..."abc"].map((text) => ({ text, rounds: [roundOf(text)] })));
  const texts = ["", ""], rounds = ["", ""];
  for await (
    const { index, value } of runAll(generator, [request("x"), request("y")], new AbortController())
  ) {
    texts[index] += value.text;
    rounds[index] += (value.rounds ?? []).flatMap(({ texts }) => texts).join("");
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.deepEqual([texts, rounds], [["abc", "abc"], ["abc", "abc"]]);
});

Deno.test("run: a reader that leaves ends the generations, one that stays to the end does not", async () => {
  for (const leaves of [true, false]) {
    const generator = new FakeGenerator(() => [{ text: "a" }, { text: "b" }]), abort = new AbortController();
    for await (const _ of runAll(generator, [request("x")], abort)) if (leaves) break;
    assert.equal(abort.signal.aborted, leaves);
  }
});
