/**
 * The flags of model, tokenizer and chat template.
 *
 * @module
 */
import { flag, type FlagOf, oneOf, revision, text, tokenCount } from "./flag_values.ts";

const DTYPES = {
  auto: "auto",
  half: "float16",
  float16: "float16",
  bfloat16: "bfloat16",
  float: "float32",
  float32: "float32",
} as const;

/** See `flagSchema`. */
export const modelSchema = {
  modelPath: text.exactOptional(),
  revision: revision.exactOptional(),
  tokenizerPath: text.exactOptional(),
  servedModelName: text.exactOptional(),
  chatTemplate: text.exactOptional(),
  contextLength: tokenCount.exactOptional(),
  dtype: oneOf("auto", "half", "float16", "bfloat16", "float", "float32").transform((name) => DTYPES[name])
    .default("auto"),
  loadFormat: oneOf("auto", "safetensors", "pt", "gguf").default("auto"),
  quantization: oneOf("awq", "awq_marlin", "compressed-tensors", "fp8", "gguf", "gptq", "gptq_marlin")
    .exactOptional(),
  downloadDir: text.exactOptional(),
  weightVersion: text.default("default"),
  samplingDefaults: oneOf("model", "openai").default("model"),
  isEmbedding: flag,
  trustRemoteCode: flag,
};

/** See `flagGroups`. */
export const modelFlags: readonly FlagOf<keyof typeof modelSchema>[] = [
  {
    name: "modelPath",
    flags: "--model, --model-path <path>",
    help: "Folder, .gguf file or hub id owner/repo[:file]. Default: SmolLM2-135M-Instruct",
  },
  {
    name: "revision",
    flags: "--revision <name>",
    help: "Branch, tag or commit of a hub model. Default: main",
  },
  {
    name: "tokenizerPath",
    flags: "--tokenizer-path <path>",
    help: "Folder with tokenizer.json, or .gguf file, to use in place of the model's tokenizer",
  },
  {
    name: "servedModelName",
    flags: "--served-model-name <names>",
    help: "Name in answers and in /v1/models; further ones, with commas between, are answered to as well",
  },
  {
    name: "chatTemplate",
    flags: "--chat-template <template>",
    help: "Name of a template, Jinja text or a file with it, to use in place of the model's chat template",
  },
  {
    name: "contextLength",
    flags: "--context-length <tokens>",
    help: "Longest sequence. Default: what the model was trained for",
  },
  {
    name: "dtype",
    flags: "--dtype <type>",
    help:
      "Type of floating weights: auto, half, float16, bfloat16, float, float32. Quantised files stay quantised",
  },
  {
    name: "loadFormat",
    flags: "--load-format <format>",
    help:
      "Which weights of a folder are read: safetensors, pt (pytorch_model.bin), gguf, or auto, the first it has",
  },
  {
    name: "quantization",
    flags: "--quantization <method>",
    help:
      "What the files say anyway: gguf, or quant_method of config.json (awq, compressed-tensors, fp8, gptq); else refused",
  },
  {
    name: "downloadDir",
    flags: "--download-dir <path>",
    help: "Where downloads are kept. Default: ~/.cache/aerie, and the hub's own cache for hub models",
  },
  {
    name: "weightVersion",
    flags: "--weight-version <name>",
    help: "Name of these weights in answers of /generate and in /model_info",
  },
  {
    name: "samplingDefaults",
    flags: "--sampling-defaults <source>",
    help:
      "Where sampling parameters that a request leaves out come from: model, its generation_config.json, or openai, the API",
  },
  {
    name: "isEmbedding",
    flags: "--is-embedding",
    help: "Serve embeddings only: what generates is refused, and no drafts are prepared",
  },
  {
    name: "trustRemoteCode",
    flags: "--trust-remote-code",
    help: "Accepted, and not needed: code that comes with a model is never run",
  },
];
