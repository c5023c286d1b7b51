"""The command line: `aerie-train <command> <run.toml>`."""

import argparse
import json
import os
from pathlib import Path

from .config import RunConfig, load_config


def features(config: RunConfig, _) -> None:
    """Run the target over the sequences and keep its hidden states."""
    from .features import capture

    capture(config.target, config.sequences, config.features, config.taps, config.workers)


def vocab(config: RunConfig, _) -> None:
    """Choose the draft vocabulary; prints how much of the held-out answers it covers."""
    from .features import held_out, read_lines
    from .vocab import always_kept, most_frequent

    sequences = read_lines(config.sequences)
    chat, counts = _counts(config, [s for s in sequences if not held_out(s)])
    ids = most_frequent(counts, config.draft_vocab_size, always_kept(chat.tokenizer))
    answers = [token for s in sequences if held_out(s) for token in s["ids"][s["prompt"] :]]
    kept = set(ids)
    covered = sum(token in kept for token in answers) / max(1, len(answers))
    path = Path(config.run) / "draft_vocab.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sorted(ids)))
    print(f"{path}: {len(ids)} tokens, {covered:.2%} of {len(answers)} held-out answer tokens")


def _counts(config: RunConfig, sequences: list[dict]):
    from .chat import Chat
    from .checkpoint import load_checkpoint
    from .features import read_lines
    from .vocab import count_tokens

    checkpoint = load_checkpoint(config.target)
    chat = Chat(checkpoint)
    prompts = [chat.encode(line["text"]) for line in read_lines(config.prompts)]
    return chat, count_tokens(sequences, prompts, checkpoint.config.vocab_size)


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
    from .training import new_head

    head = new_head(config, Target(load_checkpoint(config.target)))
    state = torch.load(Path(config.run) / "checkpoint.pt", weights_only=True)
    export_head(head, state["average"], arguments.output, config.target)
    print(f"{arguments.output}: step {state['counters'][0]}, {state['counters'][3]} answer tokens")


COMMANDS = {"features": features, "vocab": vocab, "train": train, "export": export}


def main() -> None:
    """Parses the command line and runs one command."""
    # Freed activations go back to the heap, not to the system, which would have to zero them again each step.
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 33))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 34))
    parser = argparse.ArgumentParser(prog="aerie-train", description="Trains EAGLE draft heads for Aerie.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.__doc__)
        sub.add_argument("config", type=load_config, help="the run's TOML file")
    commands.choices["export"].add_argument("output", help="the head's folder")
    arguments = parser.parse_args()
    COMMANDS[arguments.command](arguments.config, arguments)
