"""Whole runs on a tiny target on disk."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aerie_train.config import RunConfig
from aerie_train.features import FeatureStore, default_taps, held_out
from aerie_train.training import Trainer, train


def checkpoint(config: RunConfig) -> dict:
    return torch.load(Path(config.run) / "checkpoint.pt", weights_only=True)


def test_an_interrupted_run_goes_on_where_it_stopped(config, tmp_path):
    train(config)
    whole = checkpoint(config)
    (tmp_path / "run" / "checkpoint.pt").unlink()
    trainer = Trainer(config, 0)
    trainer._step(trainer._epoch_batches()[0])
    trainer.done_in_epoch = 1
    trainer._evaluate_and_save()
    torch.manual_seed(99)
    resumed = Trainer(config, 0)
    assert (resumed.step, resumed.tokens, resumed.done_in_epoch) == (1, trainer.tokens, 1)
    for name, values in trainer.head.state_dict().items():
        torch.testing.assert_close(resumed.head.state_dict()[name], values)
    resumed.run()
    assert checkpoint(config)["counters"] == whole["counters"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [len(line["accuracy"]) for line in lines] == [3, 3, 3]


def test_without_held_out_prompts_a_run_ends_and_is_saved(config):
    FeatureStore.open(Path(config.features)).held_out.zero_()
    train(config)
    assert checkpoint(config)["counters"][3] >= 60
    lines = (Path(config.run) / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line).keys() for line in lines] == [{"step", "tokens"}]


def test_steps_deeper_than_the_answers_are_left_out(config):
    train(replace(config, unroll_steps=7, row_share=0.1))
    assert all(values.isfinite().all() for values in checkpoint(config)["average"].values())


def test_what_does_not_belong_together_is_refused(config, tmp_path):
    train(config)
    (tmp_path / "run" / "draft_vocab.json").write_text(json.dumps(list(range(1, 48, 2))))
    with pytest.raises(ValueError, match="draft_vocab.json is not what checkpoint.pt was trained with"):
        train(config)
    with pytest.raises(ValueError, match=r"its taps are \[2, 3\], expected \[1, 4\]"):
        train(replace(config, taps=[1, 4]))


def test_a_run_without_answers_is_refused(config):
    FeatureStore.open(Path(config.features)).done.zero_()
    with pytest.raises(ValueError, match="too few answers for 1 workers"):
        train(config)


def test_a_question_is_held_out_with_all_its_answers_whatever_the_system_prompt():
    kept = 0
    for question in range(400):
        words = list(range(100 * question, 100 * question + 12))
        fates = {held_out({"ids": [*system, *words, 1, 2], "prompt": len(system) + 12}) for system in ([], [5, 6], [7] * 30)}
        assert len(fates) == 1
        kept += fates.pop()
    assert 1 <= kept <= 25


def test_targets_too_shallow_for_the_usual_taps_are_told_so():
    assert default_taps(30) == [2, 15, 27]
    with pytest.raises(ValueError, match=r"6 layers at \[2, 3, 3\]"):
        default_taps(6)
