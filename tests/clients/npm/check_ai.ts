/**
 * The AI SDK with its provider for servers like OpenAI's: what it does with text.
 *
 * @module
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, streamText } from "ai";
import { strict as assert } from "node:assert";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const provider = createOpenAICompatible({
  name: "aerie",
  baseURL: `${server.url}/v1`,
  apiKey,
  includeUsage: true,
});
const chat = provider(model);
const greedy = { prompt: "Name three fruits.", temperature: 0, maxOutputTokens: 12, maxRetries: 0 };

await run({
  "a stream says what the whole answer says": async () => {
    const whole = await generateText({ model: chat, ...greedy });
    assert.deepEqual([whole.usage.outputTokens, whole.finishReason], [12, "length"]);
    const stream = streamText({ model: chat, ...greedy });
    assert.equal((await Array.fromAsync(stream.textStream)).join(""), whole.text);
    assert.deepEqual((await stream.usage).totalTokens, whole.usage.totalTokens);
  },
  "a conversation with every setting": async () => {
    const { text } = await generateText({
      model: chat,
      instructions: "Be brief.",
      messages: [
        { role: "user", content: greedy.prompt },
        { role: "assistant", content: "Apples." },
        { role: "user", content: [{ type: "text", text: "Go on." }] },
      ],
      temperature: 0.7,
      topP: 0.9,
      seed: 5,
      stopSequences: ["@@"],
      presencePenalty: 0.1,
      frequencyPenalty: 0.1,
      maxOutputTokens: 8,
      maxRetries: 0,
    });
    assert(text.length > 0);
  },
  "reasoningEffort none": async () => {
    const providerOptions = { aerie: { reasoningEffort: "none" } };
    const { text } = await generateText({ model: chat, ...greedy, providerOptions });
    assert.equal(text, (await generateText({ model: chat, ...greedy })).text);
  },
  "a text is completed": async () => {
    const completion = provider.completionModel(model);
    const prompt = "The capital of France is";
    const { text } = await generateText({ model: completion, ...greedy, prompt });
    assert(text.length > 0);
    const stream = streamText({ model: completion, ...greedy, prompt });
    assert.equal((await Array.fromAsync(stream.textStream)).join(""), text);
  },
  "texts are embedded": async () => {
    const values = ["The sky is blue.", "Grass is green."];
    const { embeddings } = await embedMany({ model: provider.embeddingModel(model), values, maxRetries: 0 });
    assert(embeddings.length === 2 && embeddings.every(({ length }) => length > 100));
  },
  "an error is one": async () => {
    await assert.rejects(generateText({ model: provider("gpt-9"), ...greedy }), /Cannot find model gpt-9/);
  },
});
