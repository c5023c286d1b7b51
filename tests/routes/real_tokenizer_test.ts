// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Legacy logprobs by the real tokenizer, whatever text it reads and whatever tokens come.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { createApp } from "../../routes/app.ts";
import { completionResponse } from "../../routes/schema/completions.ts";
import { openTokenizer } from "../../runtime/tokenizer/open_tokenizer.ts";
import { loadTokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { hashModel } from "../support/fake_verifier.ts";
import { answer, events } from "../support/http.ts";
import { offsetsOf } from "../support/legacy_tokens.ts";
import { needsModel } from "../support/model_file.ts";
import { startTestEngine } from "../support/test_engine.ts";

const { ignore, path } = needsModel();

Deno.test(
  { name: "real tokenizer: tokens, offsets and text agree, whole and streamed", ignore },
  async () => {
    const tokenizer = loadTokenizer(await openTokenizer(path));
    const pieces = Array<string>(tokenizer.vocabSize).fill("");
    await using engine = await startTestEngine({
      pieces,
      next: hashModel(pieces.length),
      engine: { tokenizer },
    });
    const app = createApp(engine, { streamInterval: 2, enableCacheReport: false });
    // This vocabulary lacks some bytes, which are lost.
    const survives = (text: string) =>
      text.isWellFormed() && tokenizer.decode([...tokenizer.encode(text)]) === text;
    const prompts = fc.oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
      fc.string({ unit: "binary", minLength: 1, maxLength: 5 }),
    ).filter(survives);
    const settings = fc.record({
      prompt: prompts,
      echo: fc.boolean(),
      skip_special_tokens: fc.constant(false),
      max_tokens: fc.integer({ min: 0, max: 30 }),
      stop: fc.array(fc.constantFrom("e", " ", "th", "\ufffd", "<|"), { maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(settings, async (setting) => {
        const body = { ...setting, logprobs: 0, ignore_eos: true };
        const { choices: [whole], usage } = await answer(app, "/v1/completions", body, completionResponse);
        const { tokens, text_offset } = whole!.logprobs!;
        const numEchoed = setting.echo ? usage!.prompt_tokens : 0;
        const { offsets } = offsetsOf([tokens.slice(0, numEchoed), tokens.slice(numEchoed)]);
        const length = [...whole!.text].length;
        assert.deepEqual(text_offset, offsets.map((offset) => Math.min(offset, length)));
        const chunks = await events(app, "/v1/completions", body, completionResponse);
        const parts = chunks.map(({ choices: [choice] }) => choice!);
        assert.equal(parts.map(({ text }) => text).join(""), whole!.text);
        assert.deepEqual(parts.flatMap(({ logprobs }) => logprobs!.text_offset), text_offset);
        assert.deepEqual(parts.flatMap(({ logprobs }) => logprobs!.tokens), tokens);
      }),
      { numRuns: 150 },
    );
  },
);
