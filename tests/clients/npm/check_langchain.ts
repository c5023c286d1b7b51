/**
 * LangChain's models for OpenAI: texts, structured output and tools.
 *
 * @module
 */
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { strict as assert } from "node:assert";
import { z } from "zod";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const fields = {
  model,
  apiKey,
  temperature: 0,
  maxTokens: 12,
  maxRetries: 0,
  configuration: { baseURL: `${server.url}/v1` },
};
const question = "Name three fruits.";
const chat = new ChatOpenAI(fields);
const longer = new ChatOpenAI({ ...fields, maxTokens: 100 });
const weather = "What is the weather in Paris and in Oslo?";
const report = z.strictObject({
  city: z.string().max(12),
  degrees: z.int().min(-40).max(50),
  sky: z.enum(["clear", "cloudy", "rain"]),
});

/** Tokens counted for an answer; the field is lost in LangChain's types. */
function countOf(message: { usage_metadata?: unknown }): number {
  return (message.usage_metadata as { output_tokens: number } | undefined)?.output_tokens ?? 0;
}

await run({
  "a stream says what the whole answer says": async () => {
    const whole = await chat.invoke(question);
    assert.equal(countOf(whole), 12);
    const chunks = await Array.fromAsync(await chat.stream(question));
    assert.equal(chunks.map(({ text }) => text).join(""), whole.text);
    assert.equal(Math.max(...chunks.map(countOf)), 12);
  },
  "a batch and a conversation": async () => {
    const history: [string, string][] = [["system", "Be brief."], ["human", "Hi"], ["ai", "Hello"], [
      "human",
      "Bye",
    ]];
    const answers = await chat.batch([question, history]);
    assert.equal(answers.length, 2);
    assert(answers.every(({ text }) => text.length > 0));
  },
  "log-probabilities and stop texts": async () => {
    const bound = new ChatOpenAI({ ...fields, logprobs: true, topLogprobs: 2 });
    const { response_metadata: metadata } = await bound.invoke(question, { stop: ["@@"] });
    assert.equal((metadata.logprobs as { content: unknown[] }).content.length, 12);
  },
  "withStructuredOutput by schema and by function": async () => {
    for (const method of ["jsonSchema", "functionCalling"] as const) {
      const structured = longer.withStructuredOutput(report, { method, name: "report" });
      const object = await structured.invoke(weather);
      assert.deepEqual(report.parse(object), object);
      assert.deepEqual((await Array.fromAsync(await structured.stream(weather))).at(-1), object);
    }
    const drawn = new ChatOpenAI({ ...fields, maxTokens: 100, temperature: 1, modelKwargs: { seed: 3 } });
    const { parsed } = await drawn.withStructuredOutput(z.toJSONSchema(report), { includeRaw: true })
      .invoke(weather);
    report.parse(parsed);
  },
  "withStructuredOutput in JSON mode": async () => {
    const structured = longer.withStructuredOutput({ type: "object" }, { method: "jsonMode" });
    assert.equal(typeof await structured.invoke('Repeat this JSON object: {"city": "Oslo"}'), "object");
  },
  "a bound tool that must be called, its message, and the answer": async () => {
    const schema = z.object({ city: z.enum(["Paris", "Oslo", "Rome"]) });
    const lookUp = tool(({ city }) => `9 degrees in ${city}`, {
      name: "weather",
      description: "The weather of a city",
      schema,
    });
    const forced = longer.bindTools([lookUp], { tool_choice: "weather" });
    const called = await forced.invoke(weather);
    const [call] = called.tool_calls!;
    const result = await lookUp.invoke(call!) as BaseMessage;
    assert.equal(result.text, `9 degrees in ${schema.parse(call!.args).city}`);
    const history = [new HumanMessage(weather), called, result];
    const { text } = await chat.bindTools([lookUp], { tool_choice: "none" }).invoke(history);
    assert(text.length > 0);
    const chunks = await Array.fromAsync(await forced.stream(weather));
    const gathered = chunks.reduce((whole, chunk) => whole.concat(chunk));
    assert.deepEqual(gathered.tool_calls!.map(({ name, args }) => ({ name, args })), [
      { name: call!.name, args: call!.args },
    ]);
  },
  "documents and a query are embedded": async () => {
    const embeddings = new OpenAIEmbeddings(fields);
    const [document] = await embeddings.embedDocuments(["The sky is blue.", "Grass is green."]);
    assert.deepEqual(await embeddings.embedQuery("The sky is blue."), document);
  },
  "a text is completed": async () => {
    const llm = new OpenAI(fields);
    const prompt = "The capital of France is";
    const text = await llm.invoke(prompt);
    assert(text.length > 0);
    assert.equal((await Array.fromAsync(await llm.stream(prompt))).join(""), text);
  },
});
