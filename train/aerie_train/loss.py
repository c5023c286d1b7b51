"""Soft cross-entropy through a large LM head, without keeping its logits."""

import torch

CHUNK_ROWS = 256
"""Rows whose logits exist at once: 256 x 8,192 float32 stay in the cache."""


class _LinearSoftCrossEntropy(torch.autograd.Function):
    """Computes the gradients in the forward pass, chunk by chunk, since the teacher is constant."""

    @staticmethod
    def forward(ctx, x, weight, teacher, acceptance_share):
        losses, best = x.new_zeros(len(x)), torch.zeros(len(x), dtype=torch.long)
        grad_x, grad_weight = torch.zeros_like(x), torch.zeros_like(weight)
        for start in range(0, len(x), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            logits, p = x[rows] @ weight.T, teacher[rows]
            best[rows] = logits.argmax(-1)
            log_sum = logits.logsumexp(-1, keepdim=True)
            mass = p.sum(-1, keepdim=True)
            losses[rows] = (mass * log_sum).squeeze(-1) - (p * logits).sum(-1)
            q = (logits - log_sum).exp_()
            grad = q * mass - p
            if acceptance_share:
                overlap = torch.minimum(p, q).sum(-1, keepdim=True).clamp_min(1e-6)
                missing = q * (q < p)
                lk_grad = (q * missing.sum(-1, keepdim=True) - missing) / overlap
                weight_of_lk = acceptance_share * mass
                losses[rows] = (1 - acceptance_share) * losses[rows] - (weight_of_lk * overlap.log()).squeeze(-1)
                grad = (1 - acceptance_share) * grad + weight_of_lk * lk_grad
            grad_x[rows] = grad @ weight
            if weight.requires_grad:
                grad_weight += grad.T @ x[rows]
        ctx.save_for_backward(grad_x, grad_weight)
        ctx.mark_non_differentiable(best)
        return losses.sum(), best

    @staticmethod
    def backward(ctx, grad_loss, _):
        grad_x, grad_weight = ctx.saved_tensors
        return grad_x * grad_loss, grad_weight * grad_loss, None, None


def linear_soft_cross_entropy(
    x: torch.Tensor, weight: torch.Tensor, teacher: torch.Tensor, acceptance_share: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum over rows of the cross-entropy of softmax(x weight^T) against teacher probabilities, and each row's argmax.

    x [rows, H], weight [V_d, H], teacher [rows, V_d]: the target's probabilities of the draft vocabulary; a row's sum is
    what of the target's mass the vocabulary covers, and so the row's weight. `acceptance_share` of the loss is the LK loss
    -log sum min(p, q) of arXiv 2602.23881, which is what the accept rule of sampling pays for.
    """
    return _LinearSoftCrossEntropy.apply(x, weight, teacher, acceptance_share)
