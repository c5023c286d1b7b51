"""Generation against a stand-in for the server."""

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aerie_train.generate import generate, messages_for, sampling_for


class Stub:
    """Renders and encodes a text as its words' lengths."""

    def render(self, messages):
        return messages[-1]["content"]

    def encode(self, text):
        return [len(word) for word in text.split()]


@pytest.fixture()
def server():
    """Answers a prompt with ten other tokens, and prompts that begin with 4 with a loop."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = [7] * 100 if body["input_ids"][0] == 4 else list(range(10))
            text = json.dumps({"output_ids": answer}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_answers_are_kept_with_their_prompts_and_loops_are_not(server, tmp_path):
    output = tmp_path / "answers.jsonl"
    texts = ["a b c", "loop this", "one two three four five six"]
    written = generate(Stub(), server, texts, output, tokens=60, max_prompt_tokens=5, concurrency=3)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert written == 10 * len(lines) >= 60
    assert {tuple(line["ids"]) for line in lines} == {(1, 1, 1, *range(10))}
    assert all(line["prompt"] == 3 for line in lines)


@pytest.mark.parametrize("texts", [[], ["far too long"]])
def test_prompts_of_which_none_can_be_asked_are_refused(texts, tmp_path):
    with pytest.raises(ValueError, match=f"none of {len(texts)} prompts has at most 2 tokens"):
        generate(Stub(), "http://127.0.0.1:1", texts, tmp_path / "answers.jsonl", tokens=60, max_prompt_tokens=2)


def test_prompts_and_sampling_are_mixed_as_stated():
    rng = random.Random(1)
    systems = [messages_for("hi", rng)[0] for _ in range(4000)]
    assert 0.65 < sum(m["role"] == "user" for m in systems) / 4000 < 0.75
    greedy = sum(sampling_for(rng, 8)["temperature"] == 0 for _ in range(4000)) / 4000
    assert 0.6 < greedy < 0.7


def test_a_compressed_file_is_not_appended_to(tmp_path):
    with pytest.raises(ValueError, match="ends in .gz, expected .jsonl"):
        generate(Stub(), "http://127.0.0.1:1", ["a"], tmp_path / "answers.jsonl.gz", tokens=1)
