import { strict as assert } from "node:assert";
import { once } from "../../../routes/pages/once.ts";

Deno.test("once: those who ask at the same time share one making, and a failure is not kept", async () => {
  const makings: PromiseWithResolvers<string>[] = [];
  const get = once(() => {
    makings.push(Promise.withResolvers<string>());
    return makings.at(-1)!.promise;
  });
  const first = get(), second = get();
  makings[0]!.reject(new Error("no memory"));
  for (const asked of [first, second]) await assert.rejects(asked, /no memory/);
  const third = get(), fourth = get();
  makings[1]!.resolve("made");
  assert.deepEqual([await third, await fourth, await get()], ["made", "made", "made"]);
  assert.equal(makings.length, 2);
});
