/**
 * Command lines for SGLang that Aerie starts with as they are written.
 *
 * @module
 */

/** One for each kind of draft head. */
export const MISSION_ROWS: readonly { readonly name: string; readonly line: string }[] = [
  {
    name: "EAGLE-2",
    line: "--model meta-llama/Llama-2-7b-chat-hf --speculative-algorithm EAGLE " +
      "--speculative-draft-model-path lmsys/sglang-EAGLE-llama2-chat-7B --speculative-num-steps 3 " +
      "--speculative-eagle-topk 4 --speculative-num-draft-tokens 16 --cuda-graph-max-bs 8",
  },
  {
    name: "EAGLE-2, compiled",
    line: "--model meta-llama/Llama-2-7b-chat-hf --speculative-algorithm EAGLE " +
      "--speculative-draft-model-path lmsys/sglang-EAGLE-llama2-chat-7B --speculative-num-steps 5 " +
      "--speculative-eagle-topk 8 --speculative-num-draft-tokens 64 --mem-fraction 0.6 " +
      "--enable-torch-compile --torch-compile-max-bs 2",
  },
  {
    name: "EAGLE-2 with FR-Spec",
    line: "--model meta-llama/Meta-Llama-3-8B-Instruct --speculative-algorithm EAGLE " +
      "--speculative-draft-model-path lmsys/sglang-EAGLE-LLaMA3-Instruct-8B --speculative-num-steps 5 " +
      "--speculative-eagle-topk 8 --speculative-num-draft-tokens 64 " +
      "--speculative-token-map thunlp/LLaMA3-Instruct-8B-FR-Spec/freq_32768.pt --mem-fraction 0.7 " +
      "--cuda-graph-max-bs 2 --dtype float16",
  },
  {
    name: "EAGLE-3",
    line: "--model meta-llama/Llama-3.1-8B-Instruct --speculative-algorithm EAGLE3 " +
      "--speculative-draft-model-path jamesliu1/sglang-EAGLE3-Llama-3.1-Instruct-8B --speculative-num-steps 5 " +
      "--speculative-eagle-topk 8 --speculative-num-draft-tokens 32 --mem-fraction 0.6 --cuda-graph-max-bs 2 " +
      "--dtype float16",
  },
  {
    name: "MTP",
    line: "--model-path XiaomiMiMo/MiMo-7B-RL --host 0.0.0.0 --trust-remote-code " +
      "--speculative-algorithm EAGLE --speculative-num-steps 1 --speculative-eagle-topk 1 " +
      "--speculative-num-draft-tokens 2 --mem-fraction 0.5",
  },
];
