/**
 * The fields of SGLang, OpenAI and vLLM that are known and not served, by family. A client that writes out the defaults
 * of its API is understood; one that asks for what is not here gets an error that names the field.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { unserved, unservedEach } from "./unserved.ts";

/** Sampling parameters of all generating endpoints. */
export const unservedSampling = {
  spaces_between_special_tokens: unserved("Spaces between special tokens that are shown", "boolean", true),
  stream_interval: unserved("Tokens per chunk of this stream, in place of --stream-interval", "integer"),
  custom_params: unserved("Values for a custom logit processor", "object", {}),
  watermark: unserved("Watermark of the output", "object", {}, { enabled: false }),
};

/** Sampling parameters that only `/generate` has. */
export const unservedNativeSampling = {
  beam_width: unserved("Beams of a beam search", "integer", 1),
  thinking_budget: unserved("Tokens that reasoning may take", "integer"),
  stop_strs: unserved("SGLang's own copy of stop", ["string", "array"], []),
  stop_regex_strs: unserved("SGLang's own copy of stop_regex", ["string", "array"], []),
  stop_str_max_len: unserved("SGLang's own length of stop", "integer", 0),
  stop_regex_max_len: unserved("SGLang's own length of stop_regex", "integer", 0),
  is_normalized: unserved("SGLang's own mark of checked parameters", "boolean", false),
  ebnf_full_assistant: unserved("The grammar describes reasoning and calls too", "boolean", false),
};

/** What routers add: which of several workers does what. One worker is rank 0 of one. */
export const unservedRouting = {
  bootstrap_host: unservedEach("Prefill worker to take the KV from: its host", "string"),
  bootstrap_port: unservedEach("Prefill worker to take the KV from: its port", "integer"),
  bootstrap_room: unservedEach("Number of the KV transfer between two workers", "integer"),
  bootstrap_pair_key: unservedEach("Key of the KV transfer between two workers", "string"),
  decode_tp_size: unservedEach("Tensor parallelism of the worker that decodes", "integer"),
  routed_dp_rank: unserved("Data-parallel rank that runs the request", "integer", 0),
  data_parallel_rank: unserved("Older name of routed_dp_rank", "integer", 0),
  disagg_prefill_dp_rank: unserved("Data-parallel rank that has done the prefill", "integer", 0),
  decode_dp_rank: unserved("Data-parallel rank that decodes", "integer", 0),
  priority: unserved("Place in the queue; all requests have the same", "integer", 0),
};

/** Other fields of SGLang that all generating endpoints know. */
export const unservedShared = {
  lora_path: unservedEach("LoRA adapter", "string", ""),
  session_params: unserved("Session whose prompt the request continues", "object", {}),
  custom_logit_processor: unservedEach("Serialised Python that changes logits", "string", ""),
  custom_labels: unserved("Labels for metrics", "object", {}),
  return_routed_experts: unserved("Return the experts that tokens were routed to", "boolean", false),
  routed_experts_start_len: unserved("First position of the returned experts", "integer", 0),
  return_sampling_mask: unservedEach("Return what each token was drawn from", "boolean", false),
  sampling_logprobs_mode: unservedEach("Which logprobs come with the sampling mask", "string"),
  return_flat_raw_output_top_logprobs: unserved("Top logprobs as flat arrays", "boolean", false),
  images_config: unserved("Settings for images", "object", {}),
  video_config: unserved("Settings for videos", "object", {}),
  mm_processor_kwargs: unserved("Settings for images, audio and video", "object", {}),
  use_audio_in_video: unserved("Use the sound of videos", "boolean", false),
  max_dynamic_patch: unserved("Most tiles of an image", "integer"),
  min_dynamic_patch: unserved("Fewest tiles of an image", "integer"),
};

/** Fields that only `/generate` has. */
export const unservedNative = {
  input_embeds: unserved("Prompt as embeddings", "array", []),
  positional_embed_overrides: unserved("Embeddings for positions of the prompt", ["object", "array"], []),
  image_data: unservedEach("Images of the prompt", ["string", "object"], "", []),
  audio_data: unservedEach("Audio of the prompt", ["string", "object"], "", []),
  video_data: unservedEach("Videos of the prompt", ["string", "object"], "", []),
  mm_hashes: unservedEach("Hashes of images", "string", []),
  mm_content_hashes: unservedEach("Hashes of media contents", "string", []),
  modalities: unserved("Kinds of the image data", "array", [], ["text"]),
  image_max_dynamic_patch: unserved("Most tiles of an image", "integer"),
  video_max_dynamic_patch: unserved("Most tiles of a frame", "integer"),
  need_wait_for_mm_inputs: unserved("Wait for the encoder of images", "boolean", false),
  num_items_assigned: unserved("Items by encoder", "object", {}),
  encoder_urls: unserved("Encoders of images", "array", []),
  lora_id: unservedEach("LoRA adapter, as SGLang numbers it", "string", ""),
  watermark: unserved("Watermark of the output", "object", {}, { enabled: false }),
  return_flat_raw_top_logprobs: unserved("Top logprobs of the prompt as flat arrays", "boolean", false),
  return_flat_raw_top_logprobs_b64: unserved("Flat arrays in base64", "boolean", false),
  return_indexer_topk: unserved("Return what sparse attention selected", "boolean", false),
  return_bytes: unserved("Return bytes of a generated image", "boolean", false),
  return_entropy: unserved("Return the entropy of each draw", "boolean", false),
  background: unserved("Run without a client that waits", "boolean", false),
  no_logs: unserved("Keep the request out of logs", "boolean", false),
  require_reasoning: unserved("The output begins with reasoning", "boolean", false),
  max_thinking_tokens: unserved("Tokens that reasoning may take", "integer"),
  external_trace_header: unserved("Trace that the request belongs to", "object", {}),
  http_worker_ipc: unserved("Process of SGLang that has the client", "string"),
  multi_item_delimiter_indices: unservedEach("Delimiters of scored items", "array", []),
  token_indices_to_pool: unservedEach("Positions to read scores at", "array", []),
  kv_hints: unservedEach("Hints for a store of KV", "object", {}),
};

/** Fields of SGLang and vLLM that `/v1/chat/completions` and `/v1/completions` have. */
export const unservedOpenai = {
  return_hidden_states: unservedEach("Return hidden states", ["boolean", "string"], false),
  guided_decoding_backend: unserved("Engine of guided decoding, for vLLM", "string", "", "auto", "xgrammar"),
  guided_whitespace_pattern: unserved("White space in guided JSON, for vLLM", "string", ""),
  use_beam_search: unserved("Search by beams", "boolean", false),
  length_penalty: unserved("Weight of the length in a beam search", "number", 1),
  early_stopping: unserved("End of a beam search", "boolean", false),
  bad_words: unserved("Texts that do not occur in the output", "array", []),
  allowed_token_ids: unserved("Tokens that the output is made of", "array"),
  logprob_token_ids: unserved("Tokens whose logprobs are returned", "array"),
  logits_processors: unserved("Python that changes logits", "array", []),
  repetition_detection: unserved("End outputs that repeat themselves", "object"),
  truncate_prompt_tokens: unserved("Tokens of the prompt that are kept", "integer"),
  truncation_side: unserved("Which end of a long prompt is cut", "string"),
  watermarking: unserved("Watermark of the output, for vLLM", "boolean", false),
  return_tokens_as_token_ids: unserved("Write tokens of logprobs as ids", "boolean", false),
  return_token_offsets: unserved("Return where tokens begin in the prompt", "boolean", false),
  return_prompt_text: unserved("Return the rendered prompt", "boolean", false),
  return_mm_kwargs: unserved("Return inputs of the image processor", "boolean", true, false),
  routed_experts_prompt_start: unserved("First position of the returned experts", "integer", 0),
  return_cached_tokens_details: unserved("Return where cached tokens were", "boolean", false),
  return_spec_tokens_details: unserved("Return counts of speculation in sglext", "boolean", false),
  kv_transfer_params: unserved("KV transfer between workers, for vLLM", "object", {}),
  ec_transfer_params: unserved("Transfer of encoded images, for vLLM", "object", {}),
  vllm_xargs: unserved("Parameters of extensions of vLLM", "object", {}),
};

/** Fields that only `/v1/chat/completions` has. */
export const unservedChat = {
  modalities: unserved("Kinds of the output", "array", [], ["text"]),
  audio: unserved("Voice and format of spoken output", "object"),
  return_audio: unserved("Return spoken output", "boolean", false),
  verbosity: unserved("How long the answer is", "string", "medium"),
  moderation: unserved("Moderation of input and output", "object"),
  web_search_options: unserved("Search of the web", "object"),
  input_ids: unserved("Tokens in place of the rendered messages", "array"),
  documents: unserved("Texts that the answer draws on", "array", []),
  chat_template: unserved("Template in place of the model's", "string"),
  media_io_kwargs: unserved("Settings for images, audio and video", "object", {}),
  add_special_tokens: unserved("Add what the model expects around a text", "boolean", false),
  echo: unserved("Begin the answer with the last message", "boolean", false),
  task: unserved("Task token after the last message", "string"),
  return_input_ids_in_sglext: unserved("Return the prompt's tokens", "boolean", false),
  return_output_ids_in_sglext: unserved("Return the output's tokens", "boolean", false),
  return_flat_raw_top_logprobs_b64: unserved("Flat arrays in base64", "boolean", true, false),
};

/** Fields that only `/v1/completions` has. */
export const unservedCompletions = {
  thinking_token_budget: unserved("Tokens that reasoning may take", "integer"),
  prompt_embeds: unserved("Prompt as embeddings, for vLLM", ["string", "array"], []),
};

/** Fields of embeddings that `/v1/embeddings` and `/encode` have. */
export const unservedEmbeddings = {
  lora_path: unservedShared.lora_path,
  priority: unservedRouting.priority,
  embed_override_token_id: unserved("Token that embeddings stand for", "integer"),
  embed_overrides: unserved("Embeddings in inputs", "array", []),
};

/** Fields that only `/encode` has. */
export const unservedEncode = {
  input_embeds: unservedNative.input_embeds,
  image_data: unservedNative.image_data,
  audio_data: unservedNative.audio_data,
  video_data: unservedNative.video_data,
  modalities: unservedNative.modalities,
  lora_id: unservedNative.lora_id,
  positional_embed_overrides: unservedNative.positional_embed_overrides,
  background: unservedNative.background,
  external_trace_header: unservedNative.external_trace_header,
  http_worker_ipc: unservedNative.http_worker_ipc,
  multi_item_delimiter_indices: unservedNative.multi_item_delimiter_indices,
  token_indices_to_pool: unservedNative.token_indices_to_pool,
  decision_layout: unservedEach("Spans that a checkpoint's decision head scores", "array", []),
  is_cross_encoder_request: unserved("Score pairs by a cross-encoder", "boolean", false),
  return_pooled_hidden_states: unserved("Return hidden states", "boolean", false),
};
