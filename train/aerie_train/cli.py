"""The command line: `aerie-train <command> <run.toml>`."""

import argparse
import gzip
import json
import os
from pathlib import Path

from .config import RunConfig, load_config


def prompts(config: RunConfig, arguments) -> None:
    """Collect user messages that share no 13 words with the evaluation questions."""
    from .features import read_lines
    from .prompts import select_prompts

    questions = [turn for file in config.questions for line in read_lines([file]) for turn in line["turns"]]
    kept = select_prompts([line["text"] for line in read_lines(arguments.files)], questions)
    path = Path(config.prompts[0])
    with gzip.open(path, "wt") if path.suffix == ".gz" else open(path, "w") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in kept)
    print(f"{path}: {len(kept)} prompts")


def generate(config: RunConfig, arguments) -> None:
    """Have a running Aerie server answer the prompts; appends to the first file of sequences, a .jsonl."""
    from .chat import Chat
    from .checkpoint import load_checkpoint
    from .features import read_lines
    from .generate import generate

    texts = [line["text"] for line in read_lines(config.prompts)]
    chat = Chat(load_checkpoint(config.target))
    generate(
        chat,
        arguments.url,
        texts,
        Path(config.sequences[0]),
        arguments.tokens,
        max_new_tokens=arguments.max_new_tokens,
        max_prompt_tokens=arguments.max_prompt_tokens,
        seed=arguments.seed,
    )


def features(config: RunConfig, _) -> None:
    """Run the target over the sequences and keep its hidden states."""
    from .features import capture

    capture(config.target, config.sequences, config.features, config.taps, config.workers)


def vocab(config: RunConfig, _) -> None:
    """Choose the draft vocabulary; prints how much of the held-out answers it covers."""
    from .checkpoint import load_checkpoint
    from .features import read_lines

    sequences = read_lines(config.sequences)
    ids = _frequent_ids(config, load_checkpoint(config.target), sequences, config.draft_vocab_size)
    _write_ids(Path(config.run) / "draft_vocab.json", sorted(ids), sequences)


def token_map(config: RunConfig, arguments) -> None:
    """Write FR-Spec's list of the most frequent tokens, by falling frequency, for EAGLE-2 heads."""
    from .checkpoint import load_checkpoint
    from .features import read_lines

    sequences = read_lines(config.sequences)
    ids = _frequent_ids(config, load_checkpoint(config.target), sequences, arguments.size)
    _write_ids(Path(arguments.output), ids, sequences)


def _frequent_ids(config: RunConfig, checkpoint, sequences: list[dict], size: int) -> list[int]:
    from .chat import Chat
    from .features import held_out, read_lines
    from .vocab import always_kept, count_tokens, most_frequent

    chat = Chat(checkpoint)
    texts = [chat.encode(line["text"]) for line in read_lines(config.prompts)]
    counts = count_tokens([s for s in sequences if not held_out(s)], texts, checkpoint.config.vocab_size)
    return most_frequent(counts, size, always_kept(chat.tokenizer))


def _write_ids(path: Path, ids: list[int], sequences: list[dict]) -> None:
    from .features import held_out

    answers = [token for s in sequences if held_out(s) for token in s["ids"][s["prompt"] :]]
    kept = set(ids)
    covered = sum(token in kept for token in answers) / max(1, len(answers))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ids, separators=(",", ":")) + "\n")
    print(f"{path}: {len(ids)} tokens, {covered:.2%} of {len(answers)} held-out answer tokens")


def train(config: RunConfig, _) -> None:
    """Train the head; goes on where an earlier run stopped."""
    from .training import train

    train(config)


def export(config: RunConfig, arguments) -> None:
    """Write the averaged weights of the run's checkpoint as a head that engines load."""
    import torch

    from .checkpoint import load_checkpoint
    from .export import export_head
    from .llama import Target
    from .training import check_vocabulary, new_head

    head = new_head(config, Target(load_checkpoint(config.target)))
    state = torch.load(Path(config.run) / "checkpoint.pt", weights_only=True)
    check_vocabulary(head, state["head"], config)
    export_head(head, state["average"], arguments.output, config.target)
    print(f"{arguments.output}: step {state['counters'][0]}, {state['counters'][3]} answer tokens")


def cut(config: RunConfig, arguments) -> None:
    """Write a trained EAGLE-3 head anew with the most frequent tokens only; rows that it lacks become the target's."""
    from .checkpoint import load_checkpoint
    from .export import export_head, import_head, with_vocabulary
    from .features import read_lines
    from .llama import Target

    checkpoint = load_checkpoint(config.target)
    target = Target(checkpoint)
    ids = _frequent_ids(config, checkpoint, read_lines(config.sequences), arguments.size)
    head = with_vocabulary(import_head(arguments.head, target), target, ids)
    export_head(head, dict(head.named_parameters()), arguments.output, config.target)
    print(f"{arguments.output}: {len(head.draft_ids)} draft tokens")


def evaluate(config: RunConfig, arguments) -> None:
    """Accept lengths of a head on the questions' first turns, greedy and at temperature 1; texts come from a server once."""
    from .chat import Chat
    from .checkpoint import load_checkpoint
    from .evaluate import SHAPES, question_store, report
    from .export import import_head
    from .features import default_taps
    from .llama import Target

    checkpoint = load_checkpoint(config.target)
    target, chat = Target(checkpoint), Chat(checkpoint)
    token_map = json.loads(Path(arguments.token_map).read_text()) if arguments.token_map else None
    head = import_head(arguments.head, target, token_map)
    taps = head.taps or config.taps or default_taps(checkpoint.config.num_hidden_layers)
    folder = Path(config.features) / "questions"
    for temperature in (0.0, 1.0):
        stores = {
            Path(file).stem: question_store(target, chat, arguments.url, Path(file), folder, taps, temperature)
            for file in config.questions
        }
        print(report(head, stores, SHAPES, f"temperature {temperature:g}"))


COMMANDS = {
    "prompts": prompts,
    "generate": generate,
    "features": features,
    "vocab": vocab,
    "token-map": token_map,
    "train": train,
    "export": export,
    "cut": cut,
    "evaluate": evaluate,
}


def _add_arguments(commands: dict[str, argparse.ArgumentParser]) -> None:
    commands["prompts"].add_argument("files", nargs="+", help=".jsonl(.gz) files of {text}")
    for name in ("generate", "evaluate"):
        commands[name].add_argument("--url", default="http://127.0.0.1:30000", help="of the Aerie server")
    commands["generate"].add_argument("--tokens", type=int, default=1_500_000, help="answer tokens to add")
    commands["generate"].add_argument("--max-new-tokens", type=int, default=256, help="of an answer")
    commands["generate"].add_argument("--max-prompt-tokens", type=int, default=200, help="longer prompts are left out")
    commands["generate"].add_argument("--seed", type=int, default=0, help="of prompts' order and of sampling")
    commands["token-map"].add_argument("--size", type=int, default=32768, help="tokens in the map")
    commands["token-map"].add_argument("output", help="the .json file")
    commands["export"].add_argument("output", help="the head's folder")
    commands["cut"].add_argument("--size", type=int, default=4096, help="draft tokens")
    commands["cut"].add_argument("head", help="the trained head's folder")
    commands["cut"].add_argument("output", help="the new head's folder")
    commands["evaluate"].add_argument("head", help="the head's folder")
    commands["evaluate"].add_argument("--token-map", help="EAGLE-2: .json of the tokens that may be drafted")


def _config(path: str) -> RunConfig:
    """`load_config` with errors that argparse prints."""
    try:
        return load_config(path)
    except (OSError, ValueError, TypeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main() -> None:
    """Parses the command line and runs one command."""
    # Freed activations go back to the heap, not to the system, which would have to zero them again each step.
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 33))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 34))
    parser = argparse.ArgumentParser(prog="aerie-train", description="Trains EAGLE draft heads for Aerie.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.__doc__)
        sub.add_argument("config", type=_config, help="the run's TOML file")
    _add_arguments(commands.choices)
    arguments = parser.parse_args()
    COMMANDS[arguments.command](arguments.config, arguments)
