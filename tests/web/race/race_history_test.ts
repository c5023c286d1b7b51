/** The races that a page remembers. */
import { strict as assert } from "node:assert";
import { addRace, mediansOf, type PastRace } from "../../../web/race/race_history.ts";

const race = (number: number, own: Partial<PastRace> = {}): PastRace => ({
  number,
  prompt: "Count",
  seed: 1,
  temperature: 0,
  start: "speculative",
  comparison: { verdict: "equal", numEqual: 5 },
  acceptLength: 2,
  speedUp: { decode: number, whole: number / 2 },
  ...own,
});

Deno.test("race history: the median is over races that ran one after the other and had equal texts", () => {
  const races = [
    race(1),
    race(2, { start: "plain" }),
    race(9, { start: "at once" }),
    race(3),
    race(9, { comparison: { verdict: "different", numEqual: 1 }, speedUp: undefined }),
  ];
  assert.deepEqual(mediansOf(races), { numRaces: 3, decode: 2, whole: 1 });
  assert.deepEqual(mediansOf([]), { numRaces: 0, decode: undefined, whole: undefined });
});

Deno.test("race history: the oldest of many are forgotten", () => {
  const races = Array.from({ length: 30 }, (_, index) => race(index + 1)).reduce(
    addRace,
    [] as readonly PastRace[],
  );
  assert.deepEqual(races.map(({ number }) => number), Array.from({ length: 20 }, (_, index) => index + 11));
});
