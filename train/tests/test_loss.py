import pytest
import torch

from aerie_train import loss as module
from aerie_train.loss import linear_soft_cross_entropy


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_loss_and_gradients_equal_autograd_over_full_logits(share, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_ROWS", 3)
    torch.manual_seed(0)
    x, weight = torch.randn(7, 5, requires_grad=True), torch.randn(11, 5, requires_grad=True)
    teacher = torch.randn(7, 12).softmax(-1)[:, :11]
    log_q = (x @ weight.T).log_softmax(-1)
    overlap = torch.minimum(teacher, log_q.exp()).sum(-1)
    wanted = -(1 - share) * (teacher * log_q).sum() - share * (teacher.sum(-1) * overlap.log()).sum()
    wanted_grads = torch.autograd.grad(wanted, (x, weight))

    got, best = linear_soft_cross_entropy(x, weight, teacher, share)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(torch.autograd.grad(got, (x, weight)), wanted_grads)
    assert best.tolist() == log_q.argmax(-1).tolist()
