import json

import numpy as np
import pytest
import torch

from aerie_train.batch import make_batch
from aerie_train.export import export_head, import_head, start_from, with_vocabulary
from aerie_train.heads import Eagle2Head, Eagle3Head
from aerie_train.objective import all_queries
from aerie_train.vocab import offsets_of

from conftest import CONFIG, TAPS


@pytest.fixture()
def target_file(tmp_path):
    path = tmp_path / "target.gguf"
    path.write_bytes(b"target")
    return path


@pytest.mark.parametrize("kind", [Eagle2Head, Eagle3Head])
def test_a_head_comes_back_as_it_was_written(kind, target, store, tmp_path, target_file):
    ids = [0, 1, 2, 7, 30, 47]
    more = {"num_key_value_heads": 4} if kind is Eagle3Head else {}
    head = kind(target, TAPS, *offsets_of(ids, CONFIG.vocab_size), **more)
    export_head(head, dict(head.named_parameters()), tmp_path / "head", target_file, torch.float32)
    back = import_head(tmp_path / "head", target, token_map=ids)
    batch = make_batch(store, [0, 1])
    for s, t in zip(head.unroll(batch, all_queries(batch, 2))[0], back.unroll(batch, all_queries(batch, 2))[0]):
        torch.testing.assert_close(head.logits(s), back.logits(t))
    assert back.draft_ids.tolist() == ids


def test_names_and_maps_are_those_that_engines_read(target, tmp_path, target_file):
    from safetensors import safe_open

    ids = [0, 1, 2, 7, 30, 47]
    head = Eagle3Head(target, TAPS, *offsets_of(ids, CONFIG.vocab_size))
    export_head(head, dict(head.named_parameters()), tmp_path / "head", target_file)
    with safe_open(tmp_path / "head" / "model.safetensors", "np") as file:
        names = set(file.keys())
        d2t, t2d = file.get_tensor("d2t"), file.get_tensor("t2d")
    layer = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj"]
    layer += ["mlp.down_proj", "input_layernorm", "hidden_norm", "post_attention_layernorm"]
    expected = {f"midlayer.{name}.weight" for name in layer}
    assert names == expected | {"fc.weight", "fc_norm.0.weight", "fc_norm.1.weight", "norm.weight", "lm_head.weight", "d2t", "t2d"}
    assert (np.arange(len(ids)) + d2t).tolist() == ids and np.flatnonzero(t2d).tolist() == ids
    stated = json.loads((tmp_path / "head" / "config.json").read_text())
    assert stated["feature_hf_index"] == TAPS and stated["rope_theta"] == CONFIG.rope_theta


def test_another_draft_vocabulary_keeps_the_rows_of_shared_tokens(target):
    earlier = Eagle3Head(target, TAPS, *offsets_of([1, 5, 9], CONFIG.vocab_size))
    head = Eagle3Head(target, TAPS, *offsets_of([5, 6, 9], CONFIG.vocab_size))
    start_from(head, earlier)
    wanted = [earlier.lm_head.weight[1], target.lm_head[6], earlier.lm_head.weight[2]]
    torch.testing.assert_close(head.lm_head.weight, torch.stack(wanted))
    torch.testing.assert_close(head.fc.weight, earlier.fc.weight)


@pytest.mark.parametrize("fc_norm", [True, False])
def test_a_head_is_cut_to_fewer_draft_tokens_and_stays_what_it_is_otherwise(fc_norm, target, store, tmp_path, target_file):
    whole = Eagle3Head(target, [1, 4], *offsets_of([0, 2, 4, 10, 46], CONFIG.vocab_size), fc_norm, num_key_value_heads=4)
    cut = with_vocabulary(whole, target, [46, 4])
    export_head(cut, dict(cut.named_parameters()), tmp_path / "cut", target_file, torch.float32)
    back = import_head(tmp_path / "cut", target)
    assert (back.draft_ids.tolist(), back.taps) == ([4, 46], [1, 4])
    batch = make_batch(store, [0, 1])
    for s, t in zip(whole.unroll(batch, all_queries(batch, 2))[0], back.unroll(batch, all_queries(batch, 2))[0]):
        torch.testing.assert_close(back.logits(t), whole.logits(s)[:, [2, 4]])


def test_a_head_without_a_vocabulary_of_its_own_is_not_cut(target):
    head = Eagle2Head(target, TAPS, *offsets_of([1, 5, 9], CONFIG.vocab_size))
    with pytest.raises(ValueError, match="its LM head is the target's"):
        with_vocabulary(head, target, [1, 5])


def test_more_key_value_heads_begin_with_the_same_attention(target, store):
    maps = offsets_of([1, 5, 9], CONFIG.vocab_size)
    earlier, head = Eagle3Head(target, TAPS, *maps), Eagle3Head(target, TAPS, *maps, num_key_value_heads=4)
    start_from(head, earlier)
    batch = make_batch(store, [0, 1])
    queries = all_queries(batch, 2)
    torch.testing.assert_close(head.unroll(batch, queries)[0], earlier.unroll(batch, queries)[0])


def test_a_file_that_is_no_head_is_refused(target, tmp_path):
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text("{}")
    save_file({"medusa.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="expected an EAGLE-3 or EAGLE-2 head"):
        import_head(tmp_path, target)
