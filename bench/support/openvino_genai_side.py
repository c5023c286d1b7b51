"""OpenVINO GenAI's side: `openvino_genai_side.py <gguf> <threads> <streams> <tokens per stream>`.

It reads the GGUF by itself. Settings are the fastest found: continuous batching with paged attention, prompts and
decode steps in one batch, no prefix cache, so that every round computes its prompts.
"""

import json
import sys
import time

import numpy as np
import openvino
import openvino_genai

model_path, num_threads, num_streams, stream_tokens = sys.argv[1], *map(int, sys.argv[2:])

scheduler = openvino_genai.SchedulerConfig()
scheduler.max_num_seqs = num_streams
scheduler.max_num_batched_tokens = 2048
scheduler.cache_size = 1
scheduler.dynamic_split_fuse = True
scheduler.enable_prefix_caching = False
properties = {"INFERENCE_NUM_THREADS": num_threads}
pipeline = openvino_genai.ContinuousBatchingPipeline(model_path, scheduler, "CPU", properties)
num_requests = 0


def generate(prompts, num_tokens):
    """Tokens of each prompt's stream and when each was there, in milliseconds."""
    global num_requests
    config = openvino_genai.GenerationConfig(max_new_tokens=num_tokens, ignore_eos=True, do_sample=False)
    streams = [{"tokens": [], "timesMs": []} for _ in prompts]
    begun = time.perf_counter()
    handles = []
    for prompt in prompts:
        tokens = openvino.Tensor(np.array([prompt], dtype=np.int64))
        handles.append(pipeline.add_request(num_requests, tokens, config))
        num_requests += 1
    while pipeline.has_non_finished_requests():
        pipeline.step()
        now = (time.perf_counter() - begun) * 1000
        for stream, handle in zip(streams, handles):
            while handle.can_read():
                for output in handle.read().values():
                    stream["tokens"] += output.generated_ids
                    stream["timesMs"] += [now] * len(output.generated_ids)
    return streams


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(generate(question["prompts"], question["numTokens"])), flush=True)
