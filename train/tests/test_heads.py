import numpy as np
import pytest
import torch

from aerie_train.batch import make_batch
from aerie_train.heads import DraftHead, Eagle2Head, Eagle3Head
from aerie_train.objective import all_queries, score_steps, thinned_queries
from aerie_train.vocab import offsets_of
from aerie_train.warm_start import warm_start

from conftest import CONFIG, TAPS
from reference import PlainHead

STEPS = 3


def random_head(target, kind=Eagle3Head, ids=range(0, 48, 2), **more) -> DraftHead:
    torch.manual_seed(3)
    return kind(target, TAPS, *offsets_of(list(ids), CONFIG.vocab_size), **more)


def plain(head: DraftHead) -> PlainHead:
    tensors = {name: p.detach().double().numpy() for name, p in head.named_parameters()}
    return PlainHead(head.kind, tensors, CONFIG, head.target_lm_head.double().numpy())


@pytest.mark.parametrize("kind, more", [(Eagle2Head, {}), (Eagle3Head, {}), (Eagle3Head, {"num_key_value_heads": 4})])
def test_unrolled_loss_equals_serving_each_row_by_itself(kind, more, target, store, sequences):
    head = random_head(target, kind, **more)
    batch = make_batch(store, [0, 1, 2, 3])
    scores = score_steps(head, batch, all_queries(batch, STEPS))

    embedding = target.embedding.double().numpy()
    draft_ids = head.draft_ids.numpy()
    expected, hits, rows = np.zeros(STEPS), np.zeros(STEPS, int), np.zeros(STEPS, int)
    for index, sequence in enumerate(sequences):
        ids, states = sequence["ids"], store.states[store.rows(index)].double().numpy()
        for t in range(sequence["prompt"] - 1, len(ids) - 2):
            served = plain(head)
            for past in range(t + 1):
                g, logits = served.step(embedding[ids[past + 1]], served.first_state(states[past]), past)
            for step in range(STEPS):
                label = t + 2 + step
                if label == len(ids):
                    break
                if step:
                    g, logits = served.step(embedding[ids[t + 1 + step]], g, t + step)
                full = target.lm_head.double().numpy() @ states[label - 1, -1]
                rival = np.exp(full - full.max())
                p = (rival / rival.sum())[draft_ids]
                expected[step] -= p @ (logits - logits.max() - np.log(np.exp(logits - logits.max()).sum()))
                hits[step] += draft_ids[logits.argmax()] == full.argmax()
                rows[step] += 1
    assert [s.rows for s in scores] == rows.tolist()
    assert rows[0] > rows[1] > rows[2] > 0
    np.testing.assert_allclose([s.loss.item() for s in scores], expected, rtol=1e-4)
    assert [s.hits for s in scores] == hits.tolist()


def test_a_row_does_not_depend_on_the_rows_beside_it(target, store):
    head = random_head(target)
    batch = make_batch(store, [0, 1, 2, 3])
    whole = all_queries(batch, STEPS)
    together, _ = head.unroll(batch, whole)
    fewer = thinned_queries(batch, STEPS, 0.5)
    for step, s in enumerate(head.unroll(batch, fewer)[0]):
        assert len(fewer[step]) < len(whole[step]) or step == 0
        torch.testing.assert_close(s, together[step][torch.searchsorted(whole[step], fewer[step])])
    alone = []
    for index in range(4):
        single = make_batch(store, [index])
        alone.append(head.unroll(single, all_queries(single, STEPS))[0])
    for step in range(STEPS):
        torch.testing.assert_close(together[step], torch.cat([a[step] for a in alone]))


def test_warm_start_with_more_key_value_heads_is_the_same_head(target, store):
    batch, states = make_batch(store, [0, 1, 2, 3]), []
    for heads in (0, 4):
        head = random_head(target, num_key_value_heads=heads)
        warm_start(head, target, high_state_rms=1.0)
        with torch.no_grad():  # random, so not the same
            head.layer["self_attn"]["v_proj"].weight[:, : CONFIG.hidden_size].zero_()
        states.append(head.unroll(batch, all_queries(batch, STEPS))[0])
    for fewer, more in zip(*states):
        torch.testing.assert_close(more, fewer)


def test_key_value_heads_that_do_not_fit_are_refused(target):
    with pytest.raises(ValueError, match="3 key-value heads: expected a divisor of its 4"):
        random_head(target, num_key_value_heads=3)
    with pytest.raises(ValueError, match="2 key-value heads to 1: expected a multiple"):
        warm_start(random_head(target, num_key_value_heads=1), target, high_state_rms=1.0)


def test_training_on_four_sequences_learns_them(target, store):
    head = random_head(target, ids=range(48))
    warm_start(head, target, high_state_rms=1.0)
    batch = make_batch(store, [0, 1, 2, 3])
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(60):
        loss = sum(s.loss for s in score_steps(head, batch, all_queries(batch, STEPS))) / batch.count
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    scores = score_steps(head, batch, all_queries(batch, STEPS))
    assert all(s.hits >= 0.9 * s.rows for s in scores)
