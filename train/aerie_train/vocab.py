"""Draft vocabularies and FR-Spec token maps: the tokens a head may draft, chosen by how often the target writes them."""

import torch

PROMPT_WEIGHT = 0.3
"""A token of a prompt counts this much: it shows the subjects, but the head is asked only for answers."""


def count_tokens(sequences: list[dict], prompts: list[list[int]], vocab_size: int) -> torch.Tensor:
    """Occurrences [vocab_size] in the answers of `{ids, prompt}` sequences and, by their weight, in prompts' texts."""

    def counted(lists: list[list[int]]) -> torch.Tensor:
        ids = torch.tensor([token for ids in lists for token in ids], dtype=torch.long)
        return torch.bincount(ids, minlength=vocab_size).double()

    return counted([s["ids"][s["prompt"] :] for s in sequences]) + PROMPT_WEIGHT * counted(prompts)


def always_kept(tokenizer) -> list[int]:
    """Specials, single bytes, digits, and runs of newlines and spaces: rare in a sample, needed in any text."""
    vocabulary = tokenizer.get_vocab()
    kept = {id for id in tokenizer.get_added_tokens_decoder() if id < 3}
    kept |= {id for text, id in vocabulary.items() if len(text) == 1 or set(text) in ({"Ċ"}, {"Ġ"})}
    return sorted(kept)


def most_frequent(counts: torch.Tensor, size: int, forced: list[int]) -> list[int]:
    """`size` token ids by falling count, the forced ones among them; ties go to the lower id, which BPE learned earlier."""
    if size > len(counts):
        raise ValueError(f"Cannot choose draft vocabulary: size {size}, expected at most {len(counts)}")
    order = counts.argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    kept = set(forced)
    for token in order.tolist():
        if len(kept) >= size:
            break
        kept.add(token)
    return sorted(kept, key=lambda token: int(rank[token]))


def offsets_of(ids: list[int], vocab_size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """EAGLE-3's maps of a draft vocabulary: d2t [V_d] int64, target id minus draft id of sorted ids; t2d [V] bool."""
    chosen = torch.tensor(sorted(ids))
    t2d = torch.zeros(vocab_size, dtype=torch.bool)
    t2d[chosen] = True
    return chosen - torch.arange(len(chosen)), t2d
