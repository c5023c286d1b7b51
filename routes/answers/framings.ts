/**
 * Framings of streams: how the events of an answer are written into its body, API by API.
 *
 * @module
 */

/** How events are written. */
export interface StreamFraming {
  readonly contentType: string;
  /** An event, from the JSON of its data. */
  frame(json: string, data: unknown): string;
  /** Keeps a silent connection alive; empty if the format has nothing for it. */
  readonly ping: string;
  /** Follows the last event. */
  readonly end: string;
}

const eventStreamType = "text/event-stream";

/** Server-sent events of OpenAI's chats and SGLang's generations: data alone, and a mark of the end. */
export const openaiFraming: StreamFraming = {
  contentType: eventStreamType,
  frame: (json) => `data: ${json}\n\n`,
  ping: ": ping\n\n",
  end: "data: [DONE]\n\n",
};

/** Server-sent events of OpenAI's Responses: their types are their names, and the last says that it is. */
export const responsesFraming: StreamFraming = {
  contentType: eventStreamType,
  frame: (json, data) => `event: ${typeOf(data)}\ndata: ${json}\n\n`,
  ping: ": ping\n\n",
  end: "",
};

/** Server-sent events of Anthropic's API, which has an event of its own against silence. */
export const anthropicFraming: StreamFraming = {
  ...responsesFraming,
  ping: 'event: ping\ndata: {"type":"ping"}\n\n',
};

/** Lines of JSON, as Ollama sends them. */
export const lineFraming: StreamFraming = {
  contentType: "application/x-ndjson",
  frame: (json) => `${json}\n`,
  ping: "",
  end: "",
};

function typeOf(data: unknown): string {
  return (data as { readonly type: string }).type;
}
