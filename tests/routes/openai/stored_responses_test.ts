/**
 * @module
 */
import { strict as assert } from "node:assert";
import { type ResponseBody, StoredResponses } from "../../../routes/openai/stored_responses.ts";

function message(id: string, text = "") {
  return {
    type: "message" as const,
    id,
    role: "user" as const,
    content: text,
    status: undefined,
    phase: undefined,
  };
}

function stored(id: string, ...input: ReturnType<typeof message>[]) {
  return { response: { id, output: [] } as unknown as ResponseBody, input };
}

const bounds = { maxResponses: 3, maxBytes: 10_000, maxAgeMs: 100 };
const has = (responses: StoredResponses, id: string) => {
  try {
    return responses.get(id).response.id === id;
  } catch {
    return false;
  }
};

Deno.test("stored responses: the newest are kept, by number, bytes and age", () => {
  let now = 0;
  const responses = new StoredResponses(bounds, () => now);
  for (const id of ["a", "b", "c", "d"]) responses.keep(stored(id));
  assert.deepEqual(["a", "b", "c", "d"].map((id) => has(responses, id)), [false, true, true, true]);
  responses.keep(stored("large", message("m", "x".repeat(9000))));
  assert.deepEqual(["c", "d", "large"].map((id) => has(responses, id)), [true, true, true]);
  responses.keep(stored("larger", message("n", "x".repeat(9500))));
  assert.deepEqual(["d", "large", "larger"].map((id) => has(responses, id)), [false, false, true]);
  now = 99;
  responses.keep(stored("late"));
  now = 150;
  assert.deepEqual(["larger", "late"].map((id) => has(responses, id)), [false, true]);
});

Deno.test("stored responses: one that alone exceeds the bytes is not kept", () => {
  const responses = new StoredResponses(bounds, () => 0);
  responses.keep(stored("a"));
  responses.keep(stored("huge", message("m", "x".repeat(20_000))));
  assert.equal(has(responses, "huge"), false);
  responses.keep(stored("b"));
  assert.equal(has(responses, "b"), true);
});

Deno.test("stored responses: items that several have in common count in each", () => {
  const responses = new StoredResponses(bounds, () => 0), shared = message("m", "x".repeat(4000));
  for (const id of ["a", "b", "c"]) responses.keep(stored(id, shared));
  assert.deepEqual(["a", "b", "c"].map((id) => has(responses, id)), [false, true, true]);
});

Deno.test("stored responses: an item is found while the response that brought it is kept", () => {
  const responses = new StoredResponses(bounds, () => 0), item = message("m", "hi");
  responses.keep(stored("a", item));
  assert.equal(responses.item("m"), item);
  assert.equal(responses.item("other"), undefined);
  responses.delete("a");
  assert.equal(responses.item("m"), undefined);
  assert.throws(() => responses.delete("a"), { code: "not_found" });
});

Deno.test("stored responses: one that is being made is there until it ends", () => {
  const responses = new StoredResponses(bounds, () => 0);
  responses.begin(stored("a"));
  assert.deepEqual([has(responses, "a"), responses.isRunning("a")], [true, true]);
  responses.end("a");
  assert.equal(has(responses, "a"), false);
  responses.begin(stored("b"));
  responses.keep(stored("b"));
  assert.deepEqual([has(responses, "b"), responses.isRunning("b")], [true, false]);
});
