"""What a head is trained for: the target's own distribution, at every step of the unrolled head (training-time test)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .batch import Batch
from .heads import DraftHead
from .loss import linear_soft_cross_entropy


@dataclass
class StepScore:
    """Of one unrolled step: loss summed over rows, drafts equal to the target's greedy choice, rows with a label."""

    loss: torch.Tensor
    hits: int
    rows: int


def all_queries(batch: Batch, steps: int) -> list[torch.Tensor]:
    """For each step the queries that have a label there."""
    return [(batch.remaining >= step).nonzero().squeeze(1) for step in range(steps)]


def thinned_queries(batch: Batch, steps: int, share: float) -> list[torch.Tensor]:
    """As `all_queries`, but a random `share` of each step goes on to the next: later steps cost as much and matter less."""
    queries = all_queries(batch, 1)
    for step in range(1, steps):
        left = queries[-1][batch.remaining[queries[-1]] >= step]
        count = max(1, round(share * len(left)))
        queries.append(left[torch.randperm(len(left))[:count]].sort().values)
    return queries


@torch.no_grad()
def teacher_probabilities(batch: Batch, lm_head: torch.Tensor) -> torch.Tensor:
    """The target's probabilities [Q, V_d] of the draft vocabulary, not renormalised; lm_head: its rows of that vocabulary."""
    return (batch.final @ lm_head.T).sub_(batch.log_sum_exp[:, None]).exp_()


def score_steps(
    head: DraftHead,
    batch: Batch,
    queries: list[torch.Tensor],
    acceptance_share: float = 0.0,
    feature_weight: float = 0.0,
) -> list[StepScore]:
    """Scores each unrolled step's queries against the target; step k of a row is judged by the teacher's row k further on.

    `feature_weight` adds EAGLE-2's regression (arXiv 2401.15077): smooth L1 between state and the target's next final-norm
    output, mean over the width.
    """
    teacher = teacher_probabilities(batch, head.target_lm_head)
    draft_ids, found = head.draft_ids, []
    for step, s in enumerate(head.unroll(batch, queries)[0]):
        labels = queries[step] + step
        loss, best = linear_soft_cross_entropy(
            head.before_lm_head(s), head.lm_head_weight, teacher[labels], acceptance_share
        )
        if feature_weight:
            regression = F.smooth_l1_loss(s, batch.final[labels], reduction="sum") / s.shape[1]
            loss = loss + feature_weight * regression
        found.append(StepScore(loss, int((draft_ids[best] == batch.argmax[labels]).sum()), len(labels)))
    return found
