/**
 * Sections of the OpenAPI document, which are those of docs/http_api.md.
 *
 * @module
 */

/** Paths by section. */
export const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  "Generation": [
    "/v1/chat/completions",
    "/v1/completions",
    "/generate",
    "/v1/score",
    "/v1/embeddings",
    "/encode",
    "/v1/models",
    "/v1/models/{model}",
  ],
  "Responses": [
    "/v1/responses",
    "/v1/responses/{response_id}",
    "/v1/responses/{response_id}/cancel",
    "/v1/responses/{response_id}/input_items",
  ],
  "Anthropic": ["/v1/messages", "/v1/messages/count_tokens"],
  "Ollama": [
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/embeddings",
    "/api/tags",
    "/api/ps",
    "/api/show",
    "/api/version",
  ],
  "Tokens": [
    "/tokenize",
    "/v1/tokenize",
    "/detokenize",
    "/v1/detokenize",
    "/tokenizer_info",
    "/v1/chat/completions/render",
    "/v1/completions/render",
    "/parse_function_call",
    "/separate_reasoning",
  ],
  "Probes and facts": [
    "/health",
    "/v1/health",
    "/ping",
    "/ready",
    "/health_generate",
    "/version",
    "/model_info",
    "/get_model_info",
    "/server_info",
    "/get_server_info",
    "/get_internal_state",
    "/get_load",
    "/v1/loads",
    "/metrics",
  ],
  "Operation": [
    "/flush_cache",
    "/abort_request",
    "/pause_generation",
    "/continue_generation",
    "/set_internal_state",
    "/start_profile",
    "/stop_profile",
  ],
};

/** The section of a path; undefined if it is in none. */
export function sectionOf(path: string): string | undefined {
  return Object.keys(SECTIONS).find((section) => SECTIONS[section]!.includes(path));
}
