"""On-policy text: the target's own answers, from a running Aerie server with many requests at once."""

import json
import random
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from .chat import Chat
from .progress import Progress

SYSTEM_PROMPTS = [
    "You are a helpful assistant.",
    "Answer briefly and precisely.",
    "You are an expert programmer. Explain your code.",
    "You are a patient teacher. Think step by step.",
]


def loops(ids: list[int], size: int = 16, limit: int = 4) -> bool:
    """Whether a run of `size` tokens comes back more than `limit` times: text that teaches a head nothing but itself."""
    runs = Counter(tuple(ids[i : i + size]) for i in range(len(ids) - size + 1))
    return max(runs.values(), default=0) > limit


def messages_for(text: str, rng: random.Random) -> list[dict[str, str]]:
    """70 % with the template's own system prompt, 15 % with an empty one, 15 % with one of several."""
    draw, user = rng.random(), {"role": "user", "content": text}
    if draw < 0.7:
        return [user]
    return [{"role": "system", "content": "" if draw < 0.85 else rng.choice(SYSTEM_PROMPTS)}, user]


def sampling_for(rng: random.Random, max_new_tokens: int) -> dict:
    """65 % greedy, else temperature 0.7 to 1 and top-p 0.95."""
    greedy = rng.random() < 0.65
    free = {"temperature": round(rng.uniform(0.7, 1.0), 2), "top_p": 0.95, "sampling_seed": rng.randrange(1 << 31)}
    return {"max_new_tokens": max_new_tokens, **({"temperature": 0} if greedy else free)}


def ask(url: str, ids: list[int], sampling: dict) -> list[int]:
    """The server's answer, as ids, to a prompt of ids."""
    body = json.dumps({"input_ids": ids, "sampling_params": sampling}).encode()
    request = urllib.request.Request(f"{url}/generate", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=3600) as response:
        return json.load(response)["output_ids"]


def generate(
    chat: Chat,
    url: str,
    texts: list[str],
    output: Path,
    tokens: int,
    max_new_tokens: int = 256,
    max_prompt_tokens: int = 200,
    concurrency: int = 64,
    seed: int = 0,
) -> int:
    """Appends answers `{ids, prompt, greedy}` to `output`, a .jsonl file, and returns how many tokens they have.

    Asks until there are `tokens`, then waits for what it asked; an interrupted run keeps what it wrote. A text is asked once
    a pass over all of them, in another order and with other sampling the next time; prompts longer than max_prompt_tokens are
    left out, and answers that loop.
    """
    if output.suffix != ".jsonl":
        raise ValueError(f"Cannot append to {output}: its name ends in {output.suffix}, expected .jsonl")
    # Another run into the same file is to ask other things.
    rng = random.Random(f"{seed}/{output.stat().st_size if output.exists() else 0}")
    progress = Progress()
    written, dropped, begun = 0, 0, time.monotonic()

    def prompts():
        found = True
        while found:
            found = False
            for text in rng.sample(texts, len(texts)):
                ids = chat.encode(chat.render(messages_for(text, rng)))
                if len(ids) <= max_prompt_tokens:
                    found = True
                    yield ids, sampling_for(rng, max_new_tokens)
        raise ValueError(f"Cannot generate: none of {len(texts)} prompts has at most {max_prompt_tokens} tokens")

    endless = prompts()
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output, "a", buffering=1) as file, ThreadPoolExecutor(concurrency) as pool:
        running = {}
        while running or written < tokens:
            while written < tokens and len(running) < concurrency:
                ids, sampling = next(endless)
                running[pool.submit(ask, url, ids, sampling)] = (ids, sampling)
            done = next(as_completed(running))
            ids, sampling = running.pop(done)
            answer = done.result()
            if len(answer) < 8 or loops(answer):
                dropped += 1
                continue
            line = {"ids": ids + answer, "prompt": len(ids), "greedy": sampling["temperature"] == 0}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
            written += len(answer)
            speed = written / (time.monotonic() - begun)
            progress.show(f"generate: {written} tokens, {speed:.0f}/s, {dropped} dropped")
    return written


def answer_questions(chat: Chat, url: str, texts: list[str], max_new_tokens: int, temperature: float) -> list[dict]:
    """One answer `{ids, prompt}` to each text, for `evaluate`; sampling over the whole vocabulary, seeded."""
    prompts = [chat.encode(chat.render([{"role": "user", "content": text}])) for text in texts]
    sampling = {"max_new_tokens": max_new_tokens, "temperature": temperature}
    seeds = [{**sampling, "sampling_seed": i} if temperature else sampling for i in range(len(prompts))]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda pair: ask(url, *pair), zip(prompts, seeds)))
    return [{"ids": ids + answer, "prompt": len(ids)} for ids, answer in zip(prompts, answers)]
