"""llama-cpp-python's side: `llama_cpp_python_side.py <gguf> <threads> <streams> <tokens per stream>`.

It drives llama.cpp's own API as its examples do: one batch for all prompts, then one row per stream and step. Settings
are the fastest found: built for this CPU, flash attention, a cache of its own for each stream, the whole prompt in one
micro-batch.
"""

import ctypes
import json
import sys
import time

import llama_cpp
import numpy as np

model_path, num_threads, num_streams, stream_tokens = sys.argv[1], *map(int, sys.argv[2:])
BATCH = 2048


@llama_cpp.llama_log_callback
def ignore(_level, _text, _data):
    pass


llama_cpp.llama_log_set(ignore, ctypes.c_void_p(0))
llama_cpp.llama_backend_init()
model = llama_cpp.llama_model_load_from_file(model_path.encode(), llama_cpp.llama_model_default_params())
params = llama_cpp.llama_context_default_params()
params.n_ctx = num_streams * (stream_tokens + 255 & ~255)
params.n_batch = BATCH
params.n_ubatch = BATCH
params.n_seq_max = num_streams
params.n_threads = params.n_threads_batch = num_threads
params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
params.kv_unified = False
context = llama_cpp.llama_init_from_model(model, params)
vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
batch = llama_cpp.llama_batch_init(BATCH, 0, 1)


def forward(rows):
    """Greedy next tokens of the rows (token, position, stream, is output) that are outputs."""
    outputs = []
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        batch.n_tokens = len(part)
        for i, (token, position, stream, is_output) in enumerate(part):
            batch.token[i], batch.pos[i], batch.logits[i] = token, position, is_output
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, stream
        if llama_cpp.llama_decode(context, batch) != 0:
            raise RuntimeError(f"Cannot decode {len(part)} rows")
        for i, row in enumerate(part):
            if row[3]:
                logits = llama_cpp.llama_get_logits_ith(context, i)
                outputs.append(int(np.argmax(np.ctypeslib.as_array(logits, (vocab_size,)))))
    return outputs


def generate(prompts, num_tokens):
    """Tokens of each prompt's stream and when each was there, in milliseconds."""
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), False)
    streams = [{"tokens": [], "timesMs": []} for _ in prompts]
    begun = time.perf_counter()
    rows = [
        (token, i, stream, i == len(prompt) - 1)
        for stream, prompt in enumerate(prompts)
        for i, token in enumerate(prompt)
    ]
    for step in range(num_tokens):
        tokens = forward(rows)
        now = (time.perf_counter() - begun) * 1000
        for stream, token in zip(streams, tokens):
            stream["tokens"].append(token)
            stream["timesMs"].append(now)
        rows = [(token, len(prompts[s]) + step, s, True) for s, token in enumerate(tokens)]
    return streams


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(generate(question["prompts"], question["numTokens"])), flush=True)
