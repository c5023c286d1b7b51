/**
 * Examples of requests, by path, as the OpenAPI document has them: each is answered 200 by a server that runs.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire

/** An example in the form of OpenAPI. */
export interface Example {
  readonly summary: string;
  /** The body. */
  readonly value: object;
}

/** Examples for every operation with a body, the plainest first. `model` is the name that the server goes by. */
export function examplesOf(model: string): Readonly<Record<string, Readonly<Record<string, Example>>>> {
  const messages = [
    { role: "system", content: "Answer in one sentence." },
    { role: "user", content: "Why is the sky blue?" },
  ];
  const sky = {
    type: "object",
    properties: { colour: { enum: ["blue", "red", "grey"] }, because: { type: "string", maxLength: 80 } },
    required: ["colour", "because"],
    additionalProperties: false,
  };
  const chat = { model, messages, max_completion_tokens: 64 };
  const weather = {
    type: "function",
    function: {
      name: "weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  };
  const message = {
    model,
    system: "Answer in one sentence.",
    messages: [{ role: "user", content: "Why is the sky blue?" }],
  };
  const ollama = { model, messages, options: { num_predict: 64 } };
  const completion = { model, prompt: "The sky is blue because", max_tokens: 32 };
  const generate = { text: "The sky is blue because", sampling_params: { max_new_tokens: 32 } };
  const tokenize = {
    text: { summary: "A text", value: { model, prompt: "Why is the sky blue?" } },
    conversation: { summary: "A conversation", value: { model, messages } },
  };
  const detokenize = { tokens: { summary: "Token ids", value: { model, tokens: [1, 2, 3] } } };
  return {
    "/v1/chat/completions": {
      answer: { summary: "An answer", value: chat },
      stream: { summary: "A stream of events", value: { ...chat, stream: true } },
      tool: {
        summary: "A call of a tool",
        value: { ...chat, messages: messages.slice(-1), tools: [weather], tool_choice: "required" },
      },
      sampled: {
        summary: "Sampled, the same each time",
        value: { ...chat, temperature: 0.7, top_p: 0.9, seed: 1 },
      },
      logprobs: {
        summary: "With log-probabilities",
        value: { ...chat, max_completion_tokens: 4, logprobs: true, top_logprobs: 3 },
      },
      schema: {
        summary: "JSON that follows a schema",
        value: {
          ...chat,
          response_format: { type: "json_schema", json_schema: { name: "sky", schema: sky } },
        },
      },
      rounds: {
        summary: "With the rounds of speculation",
        value: { ...chat, max_completion_tokens: 16, stream_options: { include_speculation: true } },
      },
    },
    "/v1/responses": {
      answer: {
        summary: "An answer",
        value: { model, input: "Why is the sky blue?", max_output_tokens: 64 },
      },
      stream: {
        summary: "A stream of events",
        value: { model, input: "Why is the sky blue?", max_output_tokens: 64, stream: true },
      },
    },
    "/v1/messages": {
      answer: { summary: "An answer", value: { ...message, max_tokens: 64 } },
      stream: { summary: "A stream of events", value: { ...message, max_tokens: 64, stream: true } },
    },
    "/v1/messages/count_tokens": { count: { summary: "A conversation", value: message } },
    "/api/chat": {
      stream: { summary: "A stream of lines", value: ollama },
      answer: { summary: "An answer", value: { ...ollama, stream: false } },
    },
    "/api/generate": {
      prompt: {
        summary: "An answer to a prompt",
        value: { model, prompt: "Why is the sky blue?", options: { num_predict: 32 } },
      },
      raw: {
        summary: "A continuation",
        value: { model, prompt: "The sky is blue because", raw: true, options: { num_predict: 32 } },
      },
    },
    "/api/embed": {
      texts: { summary: "Texts", value: { model, input: ["The sky is blue.", "Grass is green."] } },
    },
    "/api/embeddings": { text: { summary: "A text", value: { model, prompt: "The sky is blue." } } },
    "/api/show": { model: { summary: "The served model", value: { model } } },
    "/v1/completions": {
      text: { summary: "A continuation", value: completion },
      stop: { summary: "Up to a full stop", value: { ...completion, stop: "." } },
      best: { summary: "The most probable of four", value: { ...completion, temperature: 1, best_of: 4 } },
      choice: {
        summary: "One of some texts",
        value: {
          ...completion,
          structured_outputs: { choice: [" light is scattered.", " it reflects the sea."] },
        },
      },
      plain: { summary: "Without drafts, to the same text", value: { ...completion, speculative: false } },
    },
    "/generate": {
      text: { summary: "A continuation", value: generate },
      stream: { summary: "A stream of events", value: { ...generate, stream: true } },
      date: {
        summary: "A match of a regular expression",
        value: {
          text: "The day is ",
          sampling_params: { max_new_tokens: 12, regex: "\\d{4}-(0[1-9]|1[0-2])-\\d{2}" },
        },
      },
      rounds: { summary: "With the rounds of speculation", value: { ...generate, return_speculation: true } },
    },
    "/v1/score": {
      items: {
        summary: "How probable tokens 1 and 2 are behind each item",
        value: {
          model,
          query: "The capital of France is",
          items: [" Paris", " Rome"],
          label_token_ids: [1, 2],
        },
      },
    },
    "/v1/embeddings": {
      texts: {
        summary: "Embeddings of texts",
        value: { model, input: ["The sky is blue.", "Grass is green."] },
      },
      base64: {
        summary: "In base64",
        value: { model, input: "The sky is blue.", encoding_format: "base64" },
      },
    },
    "/encode": { text: { summary: "An embedding", value: { text: "The sky is blue." } } },
    "/tokenize": tokenize,
    "/v1/tokenize": tokenize,
    "/detokenize": detokenize,
    "/v1/detokenize": detokenize,
    "/v1/chat/completions/render": { chat: { summary: "A conversation", value: chat } },
    "/v1/completions/render": { text: { summary: "A text", value: completion } },
    "/parse_function_call": {
      call: {
        summary: "A call as Qwen writes it",
        value: {
          text: '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
          tools: [weather],
          tool_call_parser: "qwen",
        },
      },
    },
    "/separate_reasoning": {
      thought: {
        summary: "Reasoning and an answer",
        value: { text: "<think>\nIt is cold.\n</think>\n\nYes.", reasoning_parser: "deepseek-v3" },
      },
    },
    "/abort_request": { prefix: { summary: "By the beginning of its id", value: { rid: "my-request" } } },
    "/pause_generation": {
      pause: { summary: "Leave requests where they are", value: { mode: "in_place" } },
    },
    "/continue_generation": { go: { summary: "End the pause", value: {} } },
    "/set_internal_state": {
      log: { summary: "Write fewer lines", value: { server_args: { decode_log_interval: 100 } } },
    },
    "/start_profile": {
      steps: { summary: "The next 100 steps", value: { num_steps: 100, profile_prefix: "example" } },
    },
  };
}
