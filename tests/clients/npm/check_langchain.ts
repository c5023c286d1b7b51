/**
 * LangChain's models for OpenAI: what they do with text.
 *
 * @module
 */
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { strict as assert } from "node:assert";
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
