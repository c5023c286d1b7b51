"""Accept length of a draft head, in the reference speculative loop: exact, without a target forward for each round.

Verification draws each token as plain decoding would, a pure function of seed and position, and follows the draft tree where
it holds that token (eagle.md 4.3's one-draw form). So the text is the plain one, greedy or sampled, and given that text and
the target's states along it, the trees of all positions can be grown together; the loop then only walks their accept lengths.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from .batch import Batch, make_batch
from .chat import Chat
from .features import FeatureStore, capture_batch, read_lines
from .generate import answer_questions
from .heads import Attended, DraftHead
from .llama import Target
from .objective import all_queries

QUESTION_TOKENS = 128
"""Length of an answer that is evaluated, at most."""


@dataclass(frozen=True)
class TreeShape:
    """SGLang's three numbers: levels grown, beams, and draft tokens with the root counted."""

    num_steps: int
    topk: int
    num_draft_tokens: int


SHAPES = {"chain 3": TreeShape(3, 1, 4), "tree 8": TreeShape(4, 4, 8), "tree 16": TreeShape(4, 4, 16)}
"""What TRAINING.md reports."""


@dataclass
class AcceptLengths:
    """Of one set of texts and one shape: tokens emitted and verifications."""

    tokens: int = 0
    rounds: int = 0

    @property
    def tau(self) -> float:
        """Tokens a verification, bonus included; the first token, which prefill gives, is not counted."""
        return self.tokens / max(1, self.rounds)


@torch.no_grad()
def accepted_drafts(
    head: DraftHead, batch: Batch, num_steps: int, topk: int, num_draft_tokens: list[int]
) -> list[torch.Tensor]:
    """How many drafts of the tree grown at each query [Q] the text that follows accepts, for each size of the tree.

    Growth is EAGLE-2's (arXiv 2406.16858): `topk` beams by cumulative log-probability, all candidates kept, the best
    num_draft_tokens - 1 of them verified, shallower first among equals.
    """
    q, k = batch.count, topk
    states, seen = head.unroll(batch, all_queries(batch, 1))
    # Ids that follow each query's root, or -1 behind the sequence's end.
    depth = torch.arange(1, num_steps + 1)
    places = (batch.query_rows[:, None] + depth).clamp_max(len(batch.ids) - 1)
    labels = batch.ids[places].masked_fill(depth > batch.remaining[:, None] + 1, -1)

    log_p, drafts = head.logits(states[0]).log_softmax(-1).topk(k, -1)
    tokens = head.draft_ids[drafts]
    score, match = log_p, tokens == labels[:, :1]
    pool = [(score, match, 1)]
    state = states[0][:, None].expand(-1, k, -1)
    seen = _beams(seen, k, batch.shape)
    own = []
    for level in range(1, num_steps):
        positions = (batch.positions[batch.query_rows] + level)[:, None].expand(-1, k).flatten()
        residual, u = head.enter(tokens.flatten(), state.flatten(0, 1))
        own.append(tuple(head.project(name, u, positions).unflatten(0, (q, k)) for name in "kv"))
        seen.own = [(key.flatten(0, 1), value.flatten(0, 1)) for key, value in own]
        s = head.finish(residual, head.attend(head.project("q", u, positions), seen))
        log_p, drafts = head.logits(s).log_softmax(-1).topk(k, -1)
        grown = head.draft_ids[drafts].view(q, k, k)
        scores = score[:, :, None] + log_p.view(q, k, k)
        matches = match[:, :, None] & (grown == labels[:, level, None, None])
        pool.append((scores.flatten(1), matches.flatten(1), level + 1))
        score, best = scores.flatten(1).sort(dim=-1, descending=True, stable=True)
        score, best = score[:, :k], best[:, :k]
        tokens, match = grown.flatten(1).gather(1, best), matches.flatten(1).gather(1, best)
        parent = best // k
        rows = torch.arange(q)[:, None]
        state = s.unflatten(0, (q, k))[rows, parent]
        own = [(key[rows, parent], value[rows, parent]) for key, value in own]

    scores = torch.cat([part[0] for part in pool], 1)
    order = scores.sort(dim=1, descending=True, stable=True).indices
    reached = torch.cat([part[1] * part[2] for part in pool], 1).gather(1, order)
    return [reached[:, : size - 1].max(1).values for size in num_draft_tokens]


def _beams(seen: Attended, k: int, shape: tuple[int, int, int]) -> Attended:
    """The same prefix, seen by `k` queries in place of each."""
    places = (seen.places[:, None] * k + torch.arange(k)).flatten()
    return Attended(seen.k, seen.v, seen.hidden.repeat_interleave(k, 2), places, [])


def walk(accepted: list[int], into: AcceptLengths) -> None:
    """Runs the loop over one text: accepted[i] drafts of the tree whose root is the answer's i-th token."""
    at = 0
    while at < len(accepted):
        # The text is cut off, not the loop: emitted tokens are those that exist.
        emitted = min(accepted[at] + 1, len(accepted) - at)
        into.tokens += emitted
        into.rounds += 1
        at += emitted


def accept_lengths(head: DraftHead, store: FeatureStore, shapes: list[TreeShape]) -> list[AcceptLengths]:
    """Over all texts of a store, for each shape; shapes that differ in size only are grown once."""
    totals = {shape: AcceptLengths() for shape in shapes}
    for index in range(len(store.prompt)):
        if int(store.offsets[index + 1] - store.offsets[index] - store.prompt[index]) < 2:
            continue
        batch = make_batch(store, [index])
        for num_steps, topk in {(shape.num_steps, shape.topk) for shape in shapes}:
            alike = [shape for shape in shapes if (shape.num_steps, shape.topk) == (num_steps, topk)]
            sizes = [shape.num_draft_tokens for shape in alike]
            for shape, accepted in zip(alike, accepted_drafts(head, batch, num_steps, topk, sizes)):
                walk(accepted.tolist(), totals[shape])
    return [totals[shape] for shape in shapes]


def question_store(
    target: Target, chat: Chat, url: str, file: Path, folder: Path, taps: list[int], temperature: float
) -> FeatureStore:
    """Answers to a file of questions `{turns}`, first turns, and the target's states along them; made once, then reopened."""
    name = f"{file.stem}-{temperature:g}"
    answers = folder / f"{name}.jsonl"
    if not answers.exists():
        texts = [line["turns"][0] for line in read_lines([str(file)])]
        folder.mkdir(parents=True, exist_ok=True)
        written = answer_questions(chat, url, texts, QUESTION_TOKENS, temperature)
        answers.write_text("".join(json.dumps(line) + "\n" for line in written))
    sequences = read_lines([str(answers)])
    store = FeatureStore.create(folder / name, sequences, taps, target.config)
    for index in (store.done == 0).nonzero().squeeze(1).tolist():
        capture_batch(target, store, [index], taps)
    return store


def report(head: DraftHead, stores: dict[str, FeatureStore], shapes: dict[str, TreeShape], title: str) -> str:
    """A Markdown table of tau, one row a shape, one column a set of questions, and their mean."""
    found = [accept_lengths(head, store, list(shapes.values())) for store in stores.values()]
    lines = [f"| {title} | {' | '.join(stores)} | mean |", "| --- " * (len(stores) + 2) + "|"]
    for i, name in enumerate(shapes):
        taus = [lengths[i].tau for lengths in found]
        lines.append(f"| {name} | {' | '.join(f'{tau:.2f}' for tau in [*taus, sum(taus) / len(taus)])} |")
    return "\n".join(lines)
