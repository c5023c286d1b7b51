/**
 * Texts of answers taken apart as chats' are, for clients that render prompts themselves: SGLang's endpoints.
 *
 * @module
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { AnswerText } from "../../runtime/output/answer_text.ts";
import { callFormatNamed } from "../../runtime/output/call_formats.ts";
import { type AnswerTexts, joinParts } from "../../runtime/output/parts.ts";
import { reasoningFormatNamed } from "../../runtime/output/reasoning_formats.ts";
import { generationErrors, jsonBody, jsonContent } from "../answers/content.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { answerFormsOf } from "../generation/answer_forms.ts";
import type { RouteContext } from "../generation/context.ts";
import { parseCallsRequest, parsedCalls, separatedText, separateRequest } from "../schema/parse.ts";

const parseRoute = createRoute({
  method: "post",
  path: "/parse_function_call",
  summary: "Calls of tools in the text of an answer",
  request: jsonBody(parseCallsRequest),
  responses: { 200: jsonContent(parsedCalls, "Text and calls"), ...generationErrors },
});

const separateRoute = createRoute({
  method: "post",
  path: "/separate_reasoning",
  summary: "Reasoning in the text of an answer",
  request: jsonBody(separateRequest),
  responses: { 200: jsonContent(separatedText, "Reasoning and the rest"), ...generationErrors },
});

/** Adds the endpoints. */
export function addParse(app: OpenAPIHono, { generator }: RouteContext): void {
  app.openapi(parseRoute, (c) => {
    const { text, tools, tool_call_parser: parser } = c.req.valid("json"), { model } = generator;
    const format = parser === undefined
      ? answerFormsOf(model).calls
      : callFormatNamed(parser, model.tokenizer.chatTemplate);
    if (format === undefined) throwInvalidField("tool_call_parser", "the model's own form is not served");
    const names = tools.map((tool) => tool.function.name);
    const { content, calls } = read(new AnswerText({ calls: { format, names: new Set(names) } }), text);
    return c.json({
      normal_text: content,
      calls: calls.map(({ name, arguments: given }) => ({
        tool_index: names.indexOf(name),
        name,
        parameters: given,
      })),
    }, 200);
  });

  app.openapi(separateRoute, (c) => {
    const { text, reasoning_parser: parser } = c.req.valid("json");
    const format = parser === undefined
      ? answerFormsOf(generator.model).reasoning
      : reasoningFormatNamed(parser);
    if (format === undefined) throwInvalidField("reasoning_parser", "the model itself has no reasoning");
    const state = format.isCertain ? "open" : "possible";
    const { reasoning, content } = read(
      new AnswerText({ reasoning: { ...format, state, isSeparate: true, streams: true } }),
      text,
    );
    return c.json({ reasoning_text: reasoning, text: content }, 200);
  });
}

function read(answer: AnswerText, text: string): AnswerTexts {
  return joinParts([...answer.push(text), ...answer.flush()]);
}
