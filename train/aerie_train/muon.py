"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum whose update is orthogonalised, for matrices."""

import torch
import torch.distributed as distributed


def orthogonalised(g: torch.Tensor) -> torch.Tensor:
    """Nearest matrix to g with singular values near 1, by five Newton-Schulz iterations of the quintic."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if g.shape[0] > g.shape[1] else x


class Muon(torch.optim.Optimizer):
    """For 2-D parameters; with several workers each orthogonalises a share and all receive the whole.

    The update's RMS is 0.2, AdamW's usual one, so that learning rates mean the same (Liu et al. 2025, arXiv 2502.16982).
    """

    def __init__(self, params, weight_decay: float, rank: int = 0, workers: int = 1, momentum: float = 0.95):
        super().__init__(params, {"lr": 0.0, "weight_decay": weight_decay, "momentum": momentum})
        self.rank, self.workers = rank, workers

    @torch.no_grad()
    def step(self) -> None:
        """One update of every parameter from its gradient."""
        for group in self.param_groups:
            parameters = sorted(group["params"], key=torch.numel)
            updates = []
            for i, p in enumerate(parameters):
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                mine = i % self.workers == self.rank
                updates.append(orthogonalised(p.grad.lerp(buffer, group["momentum"])) if mine else torch.zeros_like(p))
            flat = torch.cat([u.flatten() for u in updates])
            if self.workers > 1:
                distributed.all_reduce(flat)
            for p, update in zip(parameters, flat.split([p.numel() for p in parameters])):
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.view_as(p), alpha=-0.2 * max(p.shape) ** 0.5 * group["lr"])
