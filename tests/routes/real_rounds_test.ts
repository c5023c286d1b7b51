// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Verification rounds of a real engine with a tiny random model, whose tokens are bytes, parts of characters and special
 * tokens in any order: what is shown is how the answer came about.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { z } from "zod";
import { completionResponse } from "../../routes/schema/completions.ts";
import type { SpeculationRound } from "../../routes/schema/speculation_round.ts";
import { answer, type App, events } from "../support/http.ts";
import { ngram, plain, withApp } from "../support/real_app.ts";
import { checkWireRounds } from "../support/wire_rounds.ts";

type Choice = z.infer<typeof completionResponse>["choices"][number];

const path = "/v1/completions";
const prompt = "the rain in spain stays mainly in the plain, the rain in spain";
const asked = { return_token_ids: true, stream_options: { include_speculation: true } };
/** Ways to generate; each ends, shows or withholds in another way. */
const WAYS: readonly object[] = [
  { temperature: 0, ignore_eos: true },
  { temperature: 0, ignore_eos: true, n: 2, echo: true, logprobs: 1 },
  { temperature: 1, seed: 3, ignore_eos: true },
  { temperature: 1, seed: 4, skip_special_tokens: false },
  { temperature: 1, seed: 5, stop: ["t", "\n", "a"] },
  { temperature: 1, seed: 6, stop: ["e"], no_stop_trim: true, ignore_eos: true },
  { temperature: 1, seed: 7, stop_regex: "[a-m]", ignore_eos: true },
];

async function whole(app: App, fields: object): Promise<Choice[]> {
  const body = { prompt, max_tokens: 40, ...fields };
  return (await answer(app, path, body, completionResponse)).choices;
}

async function streamed(app: App, fields: object): Promise<Choice[]> {
  const chunks = await events(app, path, { prompt, max_tokens: 40, ...fields }, completionResponse);
  return chunks.flatMap(({ choices }) => choices);
}

/** Asserts that rounds of the choices at `index` are the tokens and the text there; returns them. */
function checkRounds(choices: readonly Choice[], index: number, echo: string): SpeculationRound[] {
  const own = choices.filter((choice) => choice.index === index);
  const rounds = own.flatMap(({ speculation }) => speculation!), { ids, text } = checkWireRounds(rounds);
  assert.deepEqual(ids, own.flatMap(({ token_ids: ids }) => ids!));
  assert.equal(echo + text, own.map(({ text }) => text).join(""));
  return rounds;
}

for (const [how, args] of [["plain", plain], ["ngram", ngram]] as const) {
  Deno.test(`real engine, ${how}: rounds are the answer, whole and streamed, and change nothing`, () =>
    withApp(args, async (app) => {
      let numAccepted = 0;
      for (const way of WAYS) {
        const before = await whole(app, way), echo = "echo" in way ? prompt : "";
        const shown = await whole(app, { ...way, ...asked }),
          chunks = await streamed(app, { ...way, ...asked });
        for (const { index, text, finish_reason } of before) {
          assert.deepEqual([shown[index]?.text, shown[index]?.finish_reason], [text, finish_reason]);
          const rounds = checkRounds(shown, index, echo);
          numAccepted += rounds.reduce((sum, { accepted }) => sum + accepted.length, 0);
          checkRounds(chunks, index, echo);
          assert.equal(chunks.filter((one) => one.index === index).map(({ text }) => text).join(""), text);
        }
      }
      if (how === "ngram") assert.ok(numAccepted > 10, `${numAccepted} drafts were accepted`);
      else assert.equal(numAccepted, 0);
    }));
}

Deno.test("real engine, ngram: speculative false decodes plainly, to the same text", () =>
  withApp(ngram, async (app) => {
    for (const way of WAYS) {
      const drafted = await whole(app, { ...way, ...asked });
      for (const choices of [whole, streamed]) {
        const plainly = await choices(app, { ...way, ...asked, speculative: false });
        for (const { index, text } of drafted) {
          const rounds = checkRounds(plainly, index, "echo" in way ? prompt : "");
          assert.ok(rounds.every(({ tree, draft_ms }) => tree === null && draft_ms === 0));
          assert.equal(plainly.filter((one) => one.index === index).map(({ text }) => text).join(""), text);
        }
      }
    }
  }));
