"""Teacher-forced pass of the target over token sequences, kept on disk as what a draft head is trained on."""

import gzip
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing as multiprocessing

from .checkpoint import LlamaConfig, load_checkpoint
from .llama import Target
from .progress import Progress

CHUNK_ROWS = 256
"""Rows of the LM head computed at once: small enough for the logits to stay in the cache."""


def default_taps(num_layers: int) -> list[int]:
    """The layers on whose entrance EAGLE-3 reads the residual stream (arXiv 2503.01840): 2, L//2, L-3."""
    taps = [2, num_layers // 2, num_layers - 3]
    if sorted(set(taps)) != taps:
        raise ValueError(f"Cannot tap a target of {num_layers} layers at {taps}: state `taps`, three rising numbers")
    return taps


def read_lines(files: list[str]) -> list[dict]:
    """Objects of .jsonl or .jsonl.gz files: sequences `{ids, prompt}` (prompt: how many ids it takes) or prompts `{text}`."""
    found = []
    for file in files:
        with gzip.open(file, "rt") if file.endswith(".gz") else open(file) as lines:
            found.extend(json.loads(line) for line in lines)
    return found


HELD_OUT_TOKENS = 12
"""Tokens at the end of a prompt that decide: the last words of the user and the template's, whatever the system prompt."""


def held_out(sequence: dict) -> bool:
    """Whether a sequence is one of the 2 % kept from training: decided by its question, so that all answers go together."""
    end = sequence["prompt"]
    question = np.array(sequence["ids"][max(0, end - HELD_OUT_TOKENS) : end], dtype=np.int32).tobytes()
    return int.from_bytes(hashlib.sha256(question).digest()[:4], "big") % 50 == 0


@dataclass
class FeatureStore:
    """Memory maps over all rows (tokens) of all sequences, in the sequences' order.

    states [rows, taps + 1, H] bfloat16: tapped residual states, then the final-norm output. log_sum_exp and argmax [rows]
    belong to the target's full logits and are set from the first answer token on. done [sequences]: captured already.
    """

    taps: list[int]
    ids: torch.Tensor
    prompt: torch.Tensor
    offsets: torch.Tensor
    held_out: torch.Tensor
    done: torch.Tensor
    states: torch.Tensor
    log_sum_exp: torch.Tensor
    argmax: torch.Tensor

    @classmethod
    def open(cls, folder: Path) -> "FeatureStore":
        """Opens what `create` and `capture` wrote."""
        stated = json.loads((folder / "features.json").read_text())
        rows, sequences, width = stated["rows"], stated["sequences"], stated["hidden_size"]

        def mapped(name: str, dtype: torch.dtype, *shape: int) -> torch.Tensor:
            size = int(np.prod(shape))
            return torch.from_file(str(folder / name), shared=True, size=size, dtype=dtype).view(shape)

        return cls(
            taps=stated["feature_hf_index"],
            ids=mapped("ids.i32", torch.int32, rows),
            prompt=mapped("prompt.i32", torch.int32, sequences),
            offsets=mapped("offsets.i64", torch.int64, sequences + 1),
            held_out=mapped("held_out.u8", torch.uint8, sequences),
            done=mapped("done.u8", torch.uint8, sequences),
            states=mapped("states.bf16", torch.bfloat16, rows, len(stated["feature_hf_index"]) + 1, width),
            log_sum_exp=mapped("log_sum_exp.f32", torch.float32, rows),
            argmax=mapped("argmax.i32", torch.int32, rows),
        )

    @classmethod
    def create(cls, folder: Path, sequences: list[dict], taps: list[int], config: LlamaConfig) -> "FeatureStore":
        """Lays out the files for `sequences`; keeps what an interrupted run has captured already."""
        stated = {
            "rows": sum(len(s["ids"]) for s in sequences),
            "sequences": len(sequences),
            "hidden_size": config.hidden_size,
            "feature_hf_index": taps,
        }
        if (folder / "features.json").exists():
            if json.loads((folder / "features.json").read_text()) != stated:
                raise ValueError(f"Cannot resume {folder}: it holds features of other sequences, expected {stated}")
            return cls.open(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "features.json").write_text(json.dumps(stated))
        store = cls.open(folder)
        lengths = torch.tensor([len(s["ids"]) for s in sequences])
        store.offsets[1:] = lengths.cumsum(0)
        store.ids.copy_(torch.tensor([token for s in sequences for token in s["ids"]], dtype=torch.int32))
        store.prompt.copy_(torch.tensor([s["prompt"] for s in sequences], dtype=torch.int32))
        store.held_out.copy_(torch.tensor([held_out(s) for s in sequences], dtype=torch.uint8))
        return store

    def rows(self, sequence: int) -> slice:
        """The rows of a sequence."""
        return slice(int(self.offsets[sequence]), int(self.offsets[sequence + 1]))


def batches_by_length(lengths: torch.Tensor, tokens: int, seed: int) -> list[list[int]]:
    """Groups sequences of like length into batches of at most `tokens` padded tokens, in a shuffled order."""
    generator = torch.Generator().manual_seed(seed)
    jitter = lengths + 16 * torch.rand(len(lengths), generator=generator)
    batches, batch = [], []
    for index in jitter.argsort().tolist():
        longest = max([int(lengths[index])] + [int(lengths[i]) for i in batch])
        if batch and longest * (len(batch) + 1) > tokens:
            batches.append(batch)
            batch = []
        batch.append(index)
    if batch:
        batches.append(batch)
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def capture(target_path: str, files: list[str], folder: str, taps: list[int] | None, workers: int) -> None:
    """Runs the target over `files` with `workers` single-threaded processes; resumable, since each sequence is marked."""
    checkpoint = load_checkpoint(target_path)
    taps = taps or default_taps(checkpoint.config.num_hidden_layers)
    FeatureStore.create(Path(folder), read_lines(files), taps, checkpoint.config)
    multiprocessing.spawn(_capture_share, (workers, target_path, folder, taps), nprocs=workers)


def _capture_share(rank: int, workers: int, target_path: str, folder: str, taps: list[int]) -> None:
    torch.set_num_threads(1)
    target, store = Target(load_checkpoint(target_path)), FeatureStore.open(Path(folder))
    lengths = store.offsets.diff()
    progress = Progress()
    begun, tokens, total = time.monotonic(), 0, int(lengths.sum()) // workers
    for batch in batches_by_length(lengths, 1024, seed=0)[rank::workers]:
        pending = [index for index in batch if not store.done[index]]
        if pending:
            capture_batch(target, store, pending, taps)
        tokens += sum(int(lengths[index]) for index in batch)
        if rank == 0:
            speed = workers * tokens / (time.monotonic() - begun)
            progress.show(f"features: {tokens / total:6.1%}, {speed:.0f} tokens/s")


def capture_batch(target: Target, store: FeatureStore, batch: list[int], taps: list[int]) -> None:
    """Fills the store's rows of the sequences of a batch and marks them."""
    rows = [store.rows(index) for index in batch]
    ids = torch.nn.utils.rnn.pad_sequence([store.ids[r].long() for r in rows], batch_first=True)
    tapped, final = target.forward(ids, taps)
    states = torch.stack([*tapped, final], dim=2)
    for i, (index, r) in enumerate(zip(batch, rows)):
        length, prompt = r.stop - r.start, int(store.prompt[index])
        store.states[r] = states[i, :length].to(torch.bfloat16)
        for start in range(prompt, length, CHUNK_ROWS):
            stop = min(start + CHUNK_ROWS, length)
            # From the rounded states, so that the teacher recomputed from them sums to one.
            logits = store.states[r, -1][start:stop].float() @ target.lm_head.T
            store.log_sum_exp[r.start + start : r.start + stop] = logits.logsumexp(-1)
            store.argmax[r.start + start : r.start + stop] = logits.argmax(-1).int()
        store.done[index] = 1
