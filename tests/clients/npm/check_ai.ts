/**
 * The AI SDK with its provider for servers like OpenAI's: texts, objects and tools.
 *
 * @module
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  embedMany,
  generateObject,
  generateText,
  isStepCount,
  Output,
  streamObject,
  streamText,
  tool,
} from "ai";
import { strict as assert } from "node:assert";
import { z } from "zod";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const provider = createOpenAICompatible({
  name: "aerie",
  baseURL: `${server.url}/v1`,
  apiKey,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const chat = provider(model);
const greedy = { prompt: "Name three fruits.", temperature: 0, maxOutputTokens: 12, maxRetries: 0 };

const weather = { ...greedy, prompt: "What is the weather in Paris and in Oslo?", maxOutputTokens: 100 };
const city = z.enum(["Paris", "Oslo", "Rome"]);
const report = z.strictObject({
  city: z.string().max(12),
  degrees: z.int().min(-40).max(50),
  sky: z.enum(["clear", "cloudy", "rain"]),
});

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
  "generateObject and streamObject: an object": async () => {
    const { object, finishReason } = await generateObject({ model: chat, ...weather, schema: report });
    assert.deepEqual([report.parse(object), finishReason], [object, "stop"]);
    const stream = streamObject({ model: chat, ...weather, schema: report });
    const states = await Array.fromAsync(stream.partialObjectStream);
    assert(states.length > 1);
    assert.deepEqual([states.at(-1), await stream.object], [object, object]);
    const drawn = { ...weather, temperature: 1, seed: 4 };
    report.parse((await generateObject({ model: chat, ...drawn, schema: report })).object);
  },
  "generateObject and streamObject: a list, and one of several words": async () => {
    const list = { ...weather, prompt: 'Answer with {"elements": ["Paris", "Oslo"]}', schema: city };
    const { object } = await generateObject({ model: chat, ...list, output: "array" });
    z.array(city).parse(object);
    const stream = streamObject({ model: chat, ...list, output: "array" });
    assert.deepEqual(await Array.fromAsync(stream.elementStream), object);
    const options = { ...weather, output: "enum" as const, enum: ["clear", "cloudy", "rain"] };
    assert(options.enum.includes((await generateObject({ model: chat, ...options })).object));
  },
  "generateObject without a schema": async () => {
    const repeat = { ...weather, prompt: 'Repeat this JSON object: {"city": "Oslo"}' };
    const { object } = await generateObject({ model: chat, ...repeat, output: "no-schema" });
    assert.equal(typeof object, "object");
  },
  "generateText and streamText with an output": async () => {
    const output = Output.object({ schema: report });
    const { output: whole } = await generateText({ model: chat, ...weather, output });
    report.parse(whole);
    assert.deepEqual(await streamText({ model: chat, ...weather, output }).output, whole);
  },
  "tools that must be called, over several steps": async () => {
    const asked: string[] = [];
    const tools = {
      weather: tool({
        description: "The weather of a city",
        inputSchema: z.object({ city }),
        execute: ({ city }) => {
          asked.push(city);
          return { degrees: 9 };
        },
      }),
    };
    const settings = { ...weather, maxOutputTokens: 60, tools, toolChoice: "required" as const };
    const { steps } = await generateText({
      model: chat,
      ...settings,
      stopWhen: isStepCount(2),
      providerOptions: { aerie: { parallel_tool_calls: false } },
    });
    assert.deepEqual(steps.map(({ finishReason }) => finishReason), ["tool-calls", "tool-calls"]);
    assert.deepEqual(
      asked,
      steps.flatMap(({ toolCalls }) => toolCalls.map(({ input }) => (input as { city: string }).city)),
    );
    assert(steps.every(({ toolResults }) => toolResults.length === 1));
    const named = { ...settings, toolChoice: { type: "tool" as const, toolName: "weather" as const } };
    const [first] = (await generateText({ model: chat, ...named })).toolCalls;
    const streamed = await streamText({ model: chat, ...named }).toolCalls;
    assert.deepEqual(streamed.map(({ input }) => input), [first!.input]);
    // What the tools said goes back with the messages of the steps.
    const { text } = await generateText({
      model: chat,
      ...settings,
      toolChoice: "none",
      maxOutputTokens: 8,
      prompt: [
        { role: "user", content: weather.prompt },
        ...steps.flatMap(({ response }) => response.messages),
      ],
    });
    assert(text.length > 0);
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
