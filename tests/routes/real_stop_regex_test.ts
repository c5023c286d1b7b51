// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Stop expressions over a real engine: the text is what plain decoding says, cut at the first match.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatResponse } from "../../routes/schema/chat.ts";
import { completionResponse } from "../../routes/schema/completions.ts";
import { generateResult } from "../../routes/schema/generate.ts";
import { answer, events, fault } from "../support/http.ts";
import { testBothWays } from "../support/real_app.ts";

const prompt = "the rain in spain stays mainly in the plain, the rain in spain";

/** The shortest beginning that ends with a match, cut before the longest such match; by JavaScript's expressions. */
function cut(text: string, patterns: readonly string[], noTrim: boolean) {
  const characters = [...text];
  for (let end = 1; end <= characters.length; end++) {
    const part = characters.slice(0, end).join("");
    const matches = patterns.flatMap((pattern) => {
      const match = new RegExp(`(?:${pattern})$`, "u").exec(part);
      return match ? [{ pattern, at: match.index }] : [];
    });
    const [first] = matches.sort((a, b) => a.at - b.at);
    if (first) return { text: noTrim ? part : part.slice(0, first.at), matched: first.pattern };
  }
  return { text, matched: undefined };
}

/** By turns: what is said is random bytes, most of them no letters. */
const patterns = ["[a-z]{2}", "\\d", "[A-Z].?[a-z]", "(?:\\w|\\s){4}", "never said"];

testBothWays("stop_regex cuts the text at the first match, greedy and seeded", async (app) => {
  let numMatched = 0;
  for (let seed = 0; seed < 4; seed++) {
    const sampling_params = {
      temperature: seed === 0 ? 0 : 1,
      sampling_seed: seed,
      max_new_tokens: 64,
      ignore_eos: true,
      skip_special_tokens: false,
    };
    const whole = await answer(app, "/generate", { text: prompt, sampling_params }, generateResult);
    for (const stop_regex of [...patterns, patterns]) {
      for (const no_stop_trim of [false, true]) {
        const expected = cut(whole.text, [stop_regex].flat(), no_stop_trim);
        const body = { text: prompt, sampling_params: { ...sampling_params, stop_regex, no_stop_trim } };
        const result = await answer(app, "/generate", body, generateResult);
        const label = JSON.stringify([seed, stop_regex, no_stop_trim, whole.text]);
        assert.equal(result.text, expected.text, label);
        const finish = result.meta_info.finish_reason;
        if (expected.matched === undefined) assert.equal(finish?.type, "length", label);
        else assert.deepEqual(finish, { type: "stop", matched: expected.matched }, label);
        assert.deepEqual(result.output_ids, whole.output_ids.slice(0, result.output_ids.length));
        if (expected.matched !== undefined) numMatched++;
        const chunks = await events(app, "/generate", body, generateResult);
        assert.equal(chunks.at(-1)?.text, result.text, label);
        assert.ok(chunks.every(({ text }) => result.text.startsWith(text)), "no text is taken back");
      }
    }
  }
  assert.ok(numMatched > 12, `${numMatched} matched`);
});

testBothWays("stop_regex on /v1: neutral values, a match, and what RE2 lacks", async (app) => {
  const fields = { prompt, max_tokens: 24, seed: 3, ignore_eos: true, skip_special_tokens: false };
  const { choices: [plain] } = await answer(app, "/v1/completions", fields, completionResponse);
  for (const stop_regex of [null, [], "", [""]]) {
    const { choices: [choice] } = await answer(
      app,
      "/v1/completions",
      { ...fields, stop_regex },
      completionResponse,
    );
    assert.equal(choice?.text, plain?.text);
  }
  const stop_regex = "[^\\x00]{3}";
  const { choices: [choice] } = await answer(
    app,
    "/v1/completions",
    { ...fields, stop_regex },
    completionResponse,
  );
  assert.deepEqual([choice?.finish_reason, choice?.matched_stop], ["stop", stop_regex]);
  const chat = { messages: [{ role: "user", content: "hi" }], max_tokens: 24, ignore_eos: true, stop_regex };
  const { choices: [said] } = await answer(app, "/v1/chat/completions", chat, chatResponse);
  assert.deepEqual([said?.finish_reason, said?.matched_stop], ["stop", stop_regex]);

  const refused = await fault(app, "/v1/completions", { ...fields, stop_regex: "a(?=b)" });
  assert.deepEqual([refused.status, refused.param], [400, "stop_regex"]);
  assert.match(refused.message, /^Cannot accept stop_regex: .*\(\?=/);
});

testBothWays("a batch may bring its own expressions, but not more than one request may have", async (app) => {
  const each = (count: number) => ({
    text: Array.from({ length: count }, () => prompt),
    sampling_params: Array.from(
      { length: count },
      (_, i) => ({ max_new_tokens: 2, stop_regex: `x{${i + 2}}` }),
    ),
  });
  assert.equal((await answer(app, "/generate", each(3), z.array(generateResult))).length, 3);
  const { param, message } = await fault(app, "/generate", each(33));
  assert.deepEqual([param, message.includes("at most 32")], ["stop_regex", true]);
});
