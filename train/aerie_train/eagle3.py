"""The EAGLE-3 draft head (arXiv 2503.01840) and its training-time test: unrolling on its own outputs."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .batch import Batch
from .llama import Target, rotary_tables, rotate
from .loss import linear_soft_cross_entropy


@dataclass
class StepScore:
    """Of one unrolled step: loss summed over rows, drafts equal to the target's greedy choice, rows with a label."""

    loss: torch.Tensor
    hits: int
    rows: int


class Eagle3Head(nn.Module):
    """One decoder layer over [embedding of token t+1, fused states of position t], with its own LM head.

    Parameters carry the checkpoint's names; `fc_norm` (one RMSNorm a tapped state, before fc) is optional. The embedding is
    the target's, frozen. d2t, t2d: see vocab.offsets_of.
    """

    def __init__(self, target: Target, taps: list[int], d2t: torch.Tensor, t2d: torch.Tensor, fc_norm: bool = True):
        super().__init__()
        c = self.config = target.config
        self.taps = taps
        self.register_buffer("d2t", d2t)
        self.register_buffer("t2d", t2d)
        self.embedding = target.embedding
        hidden, kv = c.hidden_size, c.num_key_value_heads * c.head_dim

        def linear(inputs: int, outputs: int) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias=False)

        def norm() -> nn.RMSNorm:
            return nn.RMSNorm(hidden, c.rms_norm_eps)

        self.fc_norm = nn.ModuleList([norm() for _ in taps]) if fc_norm else None
        self.fc = linear(len(taps) * hidden, hidden)
        self.midlayer = nn.ModuleDict(
            {
                "input_layernorm": norm(),
                "hidden_norm": norm(),
                "post_attention_layernorm": norm(),
                "self_attn": nn.ModuleDict(
                    {
                        "q_proj": linear(2 * hidden, c.num_attention_heads * c.head_dim),
                        "k_proj": linear(2 * hidden, kv),
                        "v_proj": linear(2 * hidden, kv),
                        "o_proj": linear(c.num_attention_heads * c.head_dim, hidden),
                    }
                ),
                "mlp": nn.ModuleDict(
                    {
                        "gate_proj": linear(hidden, c.intermediate_size),
                        "up_proj": linear(hidden, c.intermediate_size),
                        "down_proj": linear(c.intermediate_size, hidden),
                    }
                ),
            }
        )
        self.norm = norm()
        self.lm_head = linear(hidden, len(d2t))

    @property
    def draft_ids(self) -> torch.Tensor:
        """[V_d]: target id of each draft id."""
        return self.d2t + torch.arange(len(self.d2t))

    def fuse(self, states: torch.Tensor) -> torch.Tensor:
        """Tapped states [..., taps, H] to the first g [..., H]."""
        if self.fc_norm is not None:
            states = torch.stack([norm(states[..., i, :]) for i, norm in enumerate(self.fc_norm)], -2)
        return self.fc(states.flatten(-2))

    def attention_input(self, ids: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        """u [..., 2H] of tokens and states."""
        m = self.midlayer
        return torch.cat([m["input_layernorm"](self.embedding[ids]), m["hidden_norm"](g)], -1)

    def project(self, name: str, u: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """q, k (rotated to their positions) or v of u [rows, 2H], as [rows, heads, head_dim]."""
        heads = self.midlayer["self_attn"][f"{name}_proj"](u).unflatten(-1, (-1, self.config.head_dim))
        if name == "v":
            return heads
        return rotate(heads, rotary_tables(positions, self.config.head_dim, self.config.rope_theta))

    def finish(self, g: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Output projection, residual of the un-normed g, MLP: the recurrent state s [..., H]."""
        m = self.midlayer
        h = g + m["self_attn"]["o_proj"](attended.flatten(-2))
        y = m["post_attention_layernorm"](h)
        return h + m["mlp"]["down_proj"](F.silu(m["mlp"]["gate_proj"](y)) * m["mlp"]["up_proj"](y))

    def logits(self, s: torch.Tensor) -> torch.Tensor:
        """Over the draft vocabulary."""
        return self.lm_head(self.norm(s))

    def unroll(self, batch: Batch, steps: int) -> list[torch.Tensor]:
        """Recurrent states [Q, H] of each step.

        Step 0 is causal over all rows. Step k is fed the true token t+1+k and its own last state, at position t+k, and sees
        what step 0 saw and one key per later step of its own row: what serving sees after k drafts (section 6.2 of the paper's
        code), without a T x kT matrix. Rows near a sequence's end run on with a token that is no label of any.
        """
        g = self.fuse(batch.states[:, :-1])
        u = self.attention_input(batch.ids, g)
        k, v = (self._padded(self.project(n, u, batch.positions), batch.key_places, batch.shape[:2]) for n in "kv")
        rows, places, (sequences, keys, queries) = batch.query_rows, batch.query_places, batch.shape
        t = self._padded(batch.positions[rows], places, (sequences, queries))
        hidden_keys = torch.arange(keys) > t[:, None, :, None]
        g, u, states, own = g[rows], u[rows], [], []
        for step in range(steps):
            positions = batch.positions[rows] + step
            if step:
                following = rows + torch.minimum(batch.remaining.clamp_min(0) + 1, torch.tensor(step))
                u = self.attention_input(batch.ids[following], g)
                own.append([self.project(n, u, positions) for n in "kv"])
            q = self.project("q", u, positions)
            attended = self._attend(q, k, v, hidden_keys, own, places, (sequences, queries))
            g = self.finish(g, attended)
            states.append(g)
        return states

    @staticmethod
    def _padded(x: torch.Tensor, places: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        return x.new_zeros(shape[0] * shape[1], *x.shape[1:]).index_copy(0, places, x).unflatten(0, shape)

    def _attend(self, q, k, v, hidden_keys, own, places, shape):
        """q [Q, heads, d] over padded k, v [B, T, kv_heads, d] where not hidden, and over each (k, v) of `own` at the same row."""
        group = self.config.num_attention_heads // self.config.num_key_value_heads
        padded = self._padded(q, places, shape).transpose(1, 2)
        k, v = (x.transpose(1, 2).repeat_interleave(group, 1) for x in (k, v))
        scores = (padded @ k.transpose(2, 3)).masked_fill(hidden_keys, float("-inf"))
        extra = [(q.unflatten(1, (-1, group)) * k_own[:, :, None]).sum(-1).flatten(1) for k_own, _ in own]
        if extra:
            diagonals = self._padded(torch.stack(extra, -1), places, shape).transpose(1, 2)
            scores = torch.cat([scores, diagonals], -1)
        weights = (scores * self.config.head_dim**-0.5).softmax(-1)
        keys = k.shape[2]
        out = (weights[..., :keys] @ v).transpose(1, 2).flatten(0, 1)[places]
        for i, (_, v_own) in enumerate(own):
            share = weights[..., keys + i].transpose(1, 2).flatten(0, 1)[places]
            out = out + share[..., None] * v_own.repeat_interleave(group, 1)
        return out

    @torch.no_grad()
    def teacher(self, batch: Batch, lm_head: torch.Tensor) -> torch.Tensor:
        """The target's probabilities [Q, V_d] of the draft vocabulary, not renormalised; lm_head: its rows of that vocabulary."""
        return (batch.final @ lm_head.T).sub_(batch.log_sum_exp[:, None]).exp_()

    def scores(self, batch: Batch, lm_head: torch.Tensor, steps: int, acceptance_share: float = 0.0) -> list[StepScore]:
        """Loss and greedy agreement of each unrolled step; step k is judged against the teacher's row k further on."""
        teacher = self.teacher(batch, lm_head)
        draft_ids, found = self.draft_ids, []
        for step, s in enumerate(self.unroll(batch, steps)):
            rows = (batch.remaining >= step).nonzero().squeeze(1)
            loss, best = linear_soft_cross_entropy(
                self.norm(s[rows]), self.lm_head.weight, teacher[rows + step], acceptance_share
            )
            hits = int((draft_ids[best] == batch.argmax[rows + step]).sum())
            found.append(StepScore(loss, hits, len(rows)))
        return found


@torch.no_grad()
def warm_start(head: Eagle3Head, target: Target, high_state_rms: float) -> None:
    """Copies what resembles the head's task from the target's last layer, final norm and LM head.

    The hidden half of q, k, v is copied; the embedding half starts at zero for q and k and small for v, the only way by which
    the known token reaches the head. fc passes the highest tapped state on, at its own scale `high_state_rms`.
    """
    c = head.config
    last = target.layer(c.num_hidden_layers - 1)
    m = head.midlayer
    for name in "qkv":
        weight = m["self_attn"][f"{name}_proj"].weight
        weight[:, : c.hidden_size].normal_(0, 0.02) if name == "v" else weight[:, : c.hidden_size].zero_()
        weight[:, c.hidden_size :] = last[f"self_attn.{name}_proj"]
    m["self_attn"]["o_proj"].weight.copy_(last["self_attn.o_proj"])
    for name in ("gate_proj", "up_proj", "down_proj"):
        m["mlp"][name].weight.copy_(last[f"mlp.{name}"])
    m["hidden_norm"].weight.copy_(last["input_layernorm"])
    m["post_attention_layernorm"].weight.copy_(last["post_attention_layernorm"])
    m["input_layernorm"].weight.copy_(target.layer(0)["input_layernorm"])
    head.norm.weight.copy_(target.norm)
    head.lm_head.weight.copy_(target.lm_head[head.draft_ids])
    head.fc.weight.zero_()
    head.fc.weight[:, -c.hidden_size :].copy_(torch.eye(c.hidden_size))
    if head.fc_norm is not None:
        head.fc_norm[-1].weight.fill_(high_state_rms)
