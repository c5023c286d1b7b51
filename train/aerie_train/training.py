"""The training loop: data-parallel over processes, resumable, with a moving average of the weights."""

import json
import math
import os
import time
from pathlib import Path

import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing

from .batch import make_batch
from .checkpoint import load_checkpoint
from .config import RunConfig
from .export import import_head, start_from
from .features import FeatureStore, batches_by_length, default_taps
from .heads import DraftHead, Eagle2Head, Eagle3Head
from .llama import Target
from .objective import all_queries, score_steps, thinned_queries
from .progress import Progress
from .vocab import offsets_of
from .warm_start import copy_output, warm_start

def new_head(config: RunConfig, target: Target) -> DraftHead:
    """A head of the run's kind and draft vocabulary (run/draft_vocab.json), randomly initialised."""
    torch.manual_seed(config.seed)
    ids = json.loads((Path(config.run) / "draft_vocab.json").read_text())
    taps = config.taps or default_taps(target.config.num_hidden_layers)
    maps = offsets_of(ids, target.config.vocab_size)
    if config.kind == "eagle2":
        return Eagle2Head(target, taps, *maps)
    return Eagle3Head(target, taps, *maps, config.fc_norm, config.num_key_value_heads)


def check_vocabulary(head: DraftHead, trained: dict[str, torch.Tensor], config: RunConfig) -> None:
    """Raises a ValueError if the run's draft vocabulary is not the one that its checkpoint was trained with."""
    if not torch.equal(head.d2t, trained["d2t"]):
        raise ValueError(f"Cannot go on with {config.run}: draft_vocab.json is not what checkpoint.pt was trained with")


def learning_rate_at(progress: float, warmup: float) -> float:
    """Factor of the peak rate: linear rise over `warmup`, then a cosine to 0.05 at 1."""
    if progress < warmup:
        return (progress + 1e-3) / (warmup + 1e-3)
    return 0.525 + 0.475 * math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup)))


def train(config: RunConfig) -> None:
    """Trains in `config.workers` processes until `config.tokens`; goes on from run/checkpoint.pt where there is one."""
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", str(20000 + os.getpid() % 20000))
    if config.workers == 1:
        _train_share(0, config)
    else:
        multiprocessing.spawn(_train_share, (config,), nprocs=config.workers)


def _train_share(rank: int, config: RunConfig) -> None:
    torch.set_num_threads(1)
    if config.workers > 1:
        distributed.init_process_group("gloo", rank=rank, world_size=config.workers)
    Trainer(config, rank).run()


class Trainer:
    """One process of a run."""

    def __init__(self, config: RunConfig, rank: int):
        self.config, self.rank = config, rank
        self.target = Target(load_checkpoint(config.target))
        self.store = FeatureStore.open(Path(config.features))
        self.head = new_head(config, self.target)
        if self.store.taps != self.head.taps:
            raise ValueError(f"Cannot train on {config.features}: its taps are {self.store.taps}, expected {self.head.taps}")
        if config.start_from:
            start_from(self.head, import_head(config.start_from, self.target))
        elif config.warm_start == "output":
            copy_output(self.head, self.target)
        elif config.warm_start == "all":
            rows = self.store.rows(int(self.store.done.nonzero()[0]))
            rms = self.store.states[rows, -2].float().square().mean(-1).sqrt().median().item()
            warm_start(self.head, self.target, rms)
        self.average = {name: p.detach().clone() for name, p in self.head.named_parameters()}
        named = list(self.head.named_parameters())
        matrices = [p for name, p in named if p.dim() == 2 and not name.startswith("lm_head")]
        others = [p for name, p in named if p.dim() != 2 or name.startswith("lm_head")]
        groups = [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)
        self.step, self.epoch, self.done_in_epoch, self.tokens = 0, 0, 0, 0
        weights = torch.tensor([config.step_decay**k for k in range(config.unroll_steps)])
        self.step_weights = (weights / weights.sum()).tolist()
        self.held_out_accuracy = ""
        self.progress = Progress()
        self.path = Path(config.run) / "checkpoint.pt"
        if self.path.exists():
            self._load()

    def run(self) -> None:
        """Steps until the budget of tokens is spent."""
        saved = begun = time.monotonic()
        fresh = 0
        while self.tokens < self.config.tokens:
            batches = self._epoch_batches()
            if not batches:
                raise ValueError(f"Cannot train on {self.config.features}: too few answers for {self.config.workers} workers")
            for index in range(self.done_in_epoch, len(batches)):
                loss, count = self._step(batches[index])
                self.done_in_epoch = index + 1
                fresh += count
                self._report(loss, fresh / (time.monotonic() - begun))
                if self._agreed(time.monotonic() - saved > 60 * self.config.checkpoint_minutes):
                    self._evaluate_and_save()
                    saved = time.monotonic()
                if self.tokens >= self.config.tokens:
                    break
            else:
                self.epoch, self.done_in_epoch = self.epoch + 1, 0
        self._evaluate_and_save()

    def _agreed(self, wish: bool) -> bool:
        """Rank 0's wish, known to all."""
        wishes = torch.tensor([float(wish and self.rank == 0)])
        return bool(self._summed(wishes))

    def _summed(self, values: torch.Tensor) -> torch.Tensor:
        if self.config.workers > 1:
            distributed.all_reduce(values)
        return values

    def _usable(self, held_out: bool) -> torch.Tensor:
        """Sequences captured by now, with enough of an answer."""
        store = self.store
        long_enough = store.offsets.diff() - store.prompt >= 2 + self.config.unroll_steps
        return (long_enough & (store.done == 1) & (store.held_out == int(held_out))).nonzero().squeeze(1)

    def _epoch_batches(self) -> list[list[list[int]]]:
        """[steps][workers][sequences]; the same in all processes."""
        usable = self._usable(held_out=False)
        found = batches_by_length(self.store.offsets.diff()[usable], self.config.batch_tokens, self.config.seed + self.epoch)
        batches = [usable[batch].tolist() for batch in found]
        workers = self.config.workers
        return [batches[i : i + workers] for i in range(0, len(batches) - workers + 1, workers)]

    def _step(self, batches: list[list[int]]) -> tuple[float, int]:
        progress = self.tokens / self.config.tokens
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * learning_rate_at(progress, self.config.warmup)
        batch = make_batch(self.store, batches[self.rank])
        share = self.config.acceptance_share if progress > 2 / 3 else 0.0
        queries = thinned_queries(batch, self.config.unroll_steps, self.config.row_share)
        scores = score_steps(self.head, batch, queries, share, self.config.feature_weight)
        loss = batch.count * sum(w * s.loss / max(1, s.rows) for w, s in zip(self.step_weights, scores))
        loss.backward()
        parameters = list(self.head.parameters())
        flat = torch.cat([p.grad.flatten() for p in parameters] + [torch.tensor([loss.item(), float(batch.count)])])
        self._summed(flat)
        total, count = flat[-2].item(), int(flat[-1].item())
        for p, grad in zip(parameters, flat[:-2].div_(count).split([p.numel() for p in parameters])):
            p.grad.copy_(grad.view_as(p))
        torch.nn.utils.clip_grad_norm_(parameters, self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.tokens += count
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for name, p in self.head.named_parameters():
            self.average[name].lerp_(p.detach(), 1 - decay)
        return total / count, count

    def _report(self, loss: float, speed: float) -> None:
        if self.rank == 0:
            share = self.tokens / self.config.tokens
            bar = ("#" * round(20 * share)).ljust(20, ".")
            text = f"{bar} {share:6.1%} step {self.step} loss {loss:.3f} {speed:.0f} tokens/s{self.held_out_accuracy}"
            self.progress.show(text)

    @torch.no_grad()
    def evaluate(self) -> dict:
        """Of the averaged weights on held-out prompts: loss, accuracy of each step, and what a chain would gain by them.

        Empty without held-out prompts, of which few prompts have none.
        """
        usable = self._usable(held_out=True)
        if not len(usable):
            return {}
        own = {name: p.detach().clone() for name, p in self.head.named_parameters()}
        self._assign(self.average)
        lengths = self.store.offsets.diff()
        batches = batches_by_length(lengths[usable], self.config.batch_tokens, 0)[self.rank :: self.config.workers]
        sums = torch.zeros(self.config.unroll_steps, 3)
        for found in batches:
            batch = make_batch(self.store, usable[found].tolist())
            for k, score in enumerate(score_steps(self.head, batch, all_queries(batch, self.config.unroll_steps))):
                sums[k] += torch.tensor([float(score.loss), score.hits, score.rows])
        self._summed(sums)
        self._assign(own)
        loss, accuracy = (sums[:, 0] / sums[:, 2]).tolist(), (sums[:, 1] / sums[:, 2]).tolist()
        reach, tau = 1.0, 1.0
        for a in accuracy:
            reach *= a
            tau += reach
        return {"loss": loss, "accuracy": accuracy, "tau_sim": tau}

    @torch.no_grad()
    def _assign(self, values: dict[str, torch.Tensor]) -> None:
        for name, p in self.head.named_parameters():
            p.copy_(values[name])

    def _evaluate_and_save(self) -> None:
        measured = self.evaluate()
        if self.rank:
            return
        line = {"step": self.step, "tokens": self.tokens, **measured}
        if measured:
            self.held_out_accuracy = " held-out " + " ".join(f"{a:.1%}" for a in measured["accuracy"])
        self.progress.note(json.dumps(line))
        with open(Path(self.config.run) / "metrics.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        state = {
            "head": self.head.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "counters": (self.step, self.epoch, self.done_in_epoch, self.tokens),
        }
        torch.save(state, self.path.with_suffix(".tmp"))
        self.path.with_suffix(".tmp").rename(self.path)

    def _load(self) -> None:
        state = torch.load(self.path, weights_only=True)
        check_vocabulary(self.head, state["head"], self.config)
        self.head.load_state_dict(state["head"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.epoch, self.done_in_epoch, self.tokens = state["counters"]
