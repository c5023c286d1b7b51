"""Accept lengths against the loop as serving runs it: growing one tree at a time, drawing, following, throwing away."""

import numpy as np
import pytest
import torch

from aerie_train.batch import make_batch
from aerie_train.evaluate import AcceptLengths, TreeShape, accept_lengths, accepted_drafts, walk
from aerie_train.heads import Eagle3Head
from aerie_train.objective import all_queries, score_steps
from aerie_train.vocab import offsets_of

from conftest import CONFIG, TAPS
from reference import PlainHead


def learned_head(target, batch) -> Eagle3Head:
    """Knows the texts a little, so that trees hold some of what follows."""
    torch.manual_seed(4)
    head = Eagle3Head(target, TAPS, *offsets_of(list(range(48)), CONFIG.vocab_size))
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(8):
        sum(score.loss for score in score_steps(head, batch, all_queries(batch, 2))).backward()
        optimizer.step()
        optimizer.zero_grad()
    return head


def grow(head, ids, states, t, shape, embedding, draft_ids):
    """The kept nodes' token paths of the tree whose root is token t+1."""
    start = PlainHead("eagle3", {name: p.detach().double().numpy() for name, p in head.named_parameters()}, CONFIG)
    for past in range(t + 1):
        s, logits = start.step(embedding[ids[past + 1]], start.first_state(states[past]), past)

    def best(logits):
        log_p = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())
        return [(log_p[i], int(draft_ids[i])) for i in np.argsort(-log_p, kind="stable")[: shape.topk]]

    beams = [(score, (token,), s, list(start.cache)) for score, token in best(logits)]
    pool = [(score, path) for score, path, _, _ in beams]
    for level in range(1, shape.num_steps):
        grown = []
        for score, path, state, cache in beams:
            start.cache = list(cache)
            s, logits = start.step(embedding[path[-1]], state, t + level)
            grown += [(score + more, path + (token,), s, list(start.cache)) for more, token in best(logits)]
        pool += [(score, path) for score, path, _, _ in grown]
        beams = sorted(grown, key=lambda beam: -beam[0])[: shape.topk]
    return {path for _, path in sorted(pool, key=lambda node: -node[0])[: shape.num_draft_tokens - 1]}


@pytest.mark.parametrize(("num_steps", "topk", "sizes"), [(3, 1, [4]), (3, 4, [8, 16])])
def test_accepted_drafts_are_those_of_trees_grown_one_by_one(target, store, sequences, num_steps, topk, sizes):
    batch = make_batch(store, [0, 3])
    head = learned_head(target, batch)
    got = accepted_drafts(head, batch, num_steps, topk, sizes)

    embedding, draft_ids = target.embedding.double().numpy(), head.draft_ids.numpy()
    for size, accepted in zip(sizes, got):
        wanted = []
        for index in (0, 3):
            ids, states = sequences[index]["ids"], store.states[store.rows(index)].double().numpy()
            for t in range(sequences[index]["prompt"] - 1, len(ids) - 2):
                paths = grow(head, ids, states, t, TreeShape(num_steps, topk, size), embedding, draft_ids)
                follows, depth = tuple(ids[t + 2 :]), 0
                while depth < len(follows) and follows[: depth + 1] in paths:
                    depth += 1
                wanted.append(depth)
        assert accepted.tolist() == wanted
        assert len(set(wanted)) > 2


class Oracle(Eagle3Head):
    """Drafts what the text says: it keeps the text's place in the state's first number."""

    def __init__(self, target, batch, wrong=False):
        super().__init__(target, TAPS, *offsets_of(list(range(48)), CONFIG.vocab_size))
        self.text, self.wrong = torch.cat([batch.ids, batch.ids[-1:]]), wrong

    def first_state(self, states):
        return torch.arange(len(states), dtype=torch.float32)[:, None].expand(-1, CONFIG.hidden_size)

    def finish(self, residual, attended):
        return residual + 1

    def logits(self, s):
        following = self.text[s[:, 0].long().clamp_max(len(self.text) - 1)]
        return 20 * torch.nn.functional.one_hot((following + self.wrong) % 48, 48).float()


@pytest.mark.parametrize(("num_steps", "topk", "size"), [(3, 1, 4), (4, 4, 8)])
def test_an_oracle_gets_every_level_and_a_junk_head_only_the_bonus(target, store, num_steps, topk, size):
    batch = make_batch(store, [3])
    (accepted,) = accepted_drafts(Oracle(target, batch), batch, num_steps, topk, [size])
    assert accepted[:-num_steps].tolist() == [num_steps] * (batch.count - num_steps)
    total = AcceptLengths()
    (accepted,) = accepted_drafts(Oracle(target, batch, wrong=True), batch, 3, 1, [4])
    walk(accepted.tolist(), total)
    assert total.tau == 1


def test_the_loop_jumps_over_accepted_drafts_and_stops_at_the_texts_end():
    total = AcceptLengths()
    walk([2, 9, 9, 0, 1, 9, 3], total)
    assert (total.tokens, total.rounds) == (7, 4)


def test_shapes_are_counted_over_all_texts(target, store):
    shapes = [TreeShape(2, 1, 3), TreeShape(2, 2, 4), TreeShape(2, 2, 7)]
    chain, small, large = accept_lengths(learned_head(target, make_batch(store, [0, 3])), store, shapes)
    assert chain.tokens == small.tokens == large.tokens == 9 + 4 + 7 + 12 - 4
    assert large.tau >= small.tau >= 1 and chain.tau >= 1
