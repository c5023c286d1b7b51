"""What one training step reads: rows of several sequences, flat, with their places in padded attention."""

from dataclasses import dataclass

import torch

from .features import FeatureStore


@dataclass
class Batch:
    """Row t of a sequence pairs the hidden states of position t with token t+1 and predicts token t+2.

    All rows serve as keys; queries are the rows that predict answer tokens after the first. R rows, Q queries, B sequences.
    """

    states: torch.Tensor
    """[R, taps + 1, H] float32: tapped states and final-norm output of position t."""
    ids: torch.Tensor
    """[R]: token t+1."""
    positions: torch.Tensor
    """[R]: t, the rotary position."""
    key_places: torch.Tensor
    """[R]: row's place in padded [B, T]."""
    query_rows: torch.Tensor
    """[Q]: the queries among the R rows."""
    query_places: torch.Tensor
    """[Q]: query's place in padded [B, Tq]."""
    remaining: torch.Tensor
    """[Q]: how many further rows of its sequence follow a query; unrolled step k has a label where this is >= k."""
    final: torch.Tensor
    """[Q, H] float32: final-norm output of position t+1, from which the target predicts token t+2."""
    log_sum_exp: torch.Tensor
    """[Q]: of the target's logits at position t+1."""
    argmax: torch.Tensor
    """[Q]: the target's greedy choice for token t+2."""
    shape: tuple[int, int, int]
    """B, T, Tq."""

    @property
    def count(self) -> int:
        """Answer tokens predicted."""
        return len(self.query_rows)


def make_batch(store: FeatureStore, sequences: list[int]) -> Batch:
    """Collects sequences from the store; each must have at least two answer tokens."""
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in Batch.__annotations__ if name != "shape"}
    spans = [store.rows(index) for index in sequences]
    prompts = [int(store.prompt[index]) for index in sequences]
    keys = max(s.stop - s.start for s in spans) - 1
    queries = max(s.stop - s.start - p - 1 for s, p in zip(spans, prompts))
    row = 0
    for b, (span, prompt) in enumerate(zip(spans, prompts)):
        length = span.stop - span.start
        t = torch.arange(length - 1)
        q = torch.arange(prompt - 1, length - 2)
        parts["states"].append(store.states[span.start : span.stop - 1].float())
        parts["ids"].append(store.ids[span.start + 1 : span.stop].long())
        parts["positions"].append(t)
        parts["key_places"].append(b * keys + t)
        parts["query_rows"].append(row + q)
        parts["query_places"].append(b * queries + q - (prompt - 1))
        parts["remaining"].append(length - 3 - q)
        following = slice(span.start + prompt, span.stop - 1)
        parts["final"].append(store.states[following, -1].float())
        parts["log_sum_exp"].append(store.log_sum_exp[following])
        parts["argmax"].append(store.argmax[following].long())
        row += length - 1
    return Batch(**{name: torch.cat(values) for name, values in parts.items()}, shape=(len(sequences), keys, queries))
