"""Draft heads: EAGLE-3 (arXiv 2503.01840) and EAGLE-2 (2406.16858), unrolled on their own outputs as serving will do."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from .batch import Batch
from .llama import Target, rotary_tables, rotate


@dataclass
class Attended:
    """What queries see: padded k, v [B, T, kv_heads, d] with those hidden that `hidden` [B, 1, Tq, T] says, and own keys.

    `places` [Q] are the queries' places in padded [B, Tq], `own` a list of (k, v) [Q, kv_heads, d]: one for each ancestor of
    a query's row among the drafts, and its own.
    """

    k: torch.Tensor
    v: torch.Tensor
    hidden: torch.Tensor
    places: torch.Tensor
    own: list[tuple[torch.Tensor, torch.Tensor]]


def padded(x: torch.Tensor, places: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Spreads rows x [rows, ...] over zeros [*shape, ...]."""
    return x.new_zeros(shape[0] * shape[1], *x.shape[1:]).index_copy(0, places, x).unflatten(0, shape)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


class DraftHead(nn.Module):
    """One decoder layer fed with a token and a state, which puts out the next state.

    Row t pairs the state of position t with token t+1, has rotary position t and predicts token t+2; the row after it, drafted,
    has position t+1. Parameters carry the checkpoints' names. The embedding is the target's, frozen. d2t, t2d: see
    vocab.offsets_of. `target_lm_head` [V_d, H]: the target's rows of the draft vocabulary.
    """

    kind: str

    def __init__(self, target: Target, taps: list[int], d2t: torch.Tensor, t2d: torch.Tensor):
        super().__init__()
        self.config, self.taps, self.embedding = target.config, taps, target.embedding
        self.register_buffer("d2t", d2t)
        self.register_buffer("t2d", t2d)
        self.target_lm_head = target.lm_head[self.draft_ids]

    def _norm(self) -> nn.RMSNorm:
        return nn.RMSNorm(self.config.hidden_size, self.config.rms_norm_eps)

    def _decoder_layer(self, attention_width: int, norms: list[str]) -> nn.ModuleDict:
        c = self.config
        q, kv = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
        attention = {
            "q_proj": _linear(attention_width, q),
            "k_proj": _linear(attention_width, kv),
            "v_proj": _linear(attention_width, kv),
            "o_proj": _linear(q, c.hidden_size),
        }
        mlp = {
            "gate_proj": _linear(c.hidden_size, c.intermediate_size),
            "up_proj": _linear(c.hidden_size, c.intermediate_size),
            "down_proj": _linear(c.intermediate_size, c.hidden_size),
        }
        parts = {"self_attn": nn.ModuleDict(attention), "mlp": nn.ModuleDict(mlp)}
        return nn.ModuleDict(parts | {name: self._norm() for name in norms})

    @property
    def layer(self) -> nn.ModuleDict:
        """The decoder layer."""
        raise NotImplementedError

    def first_state(self, states: torch.Tensor) -> torch.Tensor:
        """The target's states [rows, taps + 1, H], as stored, to what a row of the target's is fed with [rows, H]."""
        raise NotImplementedError

    def enter(self, ids: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens [rows] and states [rows, H] to the residual [rows, H] and the input of attention [rows, width]."""
        raise NotImplementedError

    def before_lm_head(self, s: torch.Tensor) -> torch.Tensor:
        """States to what the LM head multiplies."""
        raise NotImplementedError

    @property
    def lm_head_weight(self) -> torch.Tensor:
        """[V_d, H]."""
        raise NotImplementedError

    @property
    def draft_ids(self) -> torch.Tensor:
        """[V_d]: target id of each draft id."""
        return self.d2t + torch.arange(len(self.d2t))

    def logits(self, s: torch.Tensor) -> torch.Tensor:
        """Over the draft vocabulary."""
        return self.before_lm_head(s) @ self.lm_head_weight.T

    def project(self, name: str, u: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """q, k (rotated to their positions) or v of u [rows, width], as [rows, heads, head_dim]."""
        heads = self.layer["self_attn"][f"{name}_proj"](u).unflatten(-1, (-1, self.config.head_dim))
        if name == "v":
            return heads
        return rotate(heads, rotary_tables(positions, self.config.head_dim, self.config.rope_theta))

    def finish(self, residual: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Output projection, residual, MLP: the recurrent state s [rows, H]."""
        h = residual + self.layer["self_attn"]["o_proj"](attended.flatten(-2))
        y, mlp = self.layer["post_attention_layernorm"](h), self.layer["mlp"]
        return h + mlp["down_proj"](F.silu(mlp["gate_proj"](y)) * mlp["up_proj"](y))

    def attend(self, q: torch.Tensor, seen: Attended) -> torch.Tensor:
        """Grouped-query attention of q [Q, heads, d]; returns [Q, heads, d]."""
        shape, keys = seen.hidden.shape[0:3:2], seen.k.shape[1]
        group = self.config.num_attention_heads // self.config.num_key_value_heads
        k, v = (x.transpose(1, 2).repeat_interleave(group, 1) for x in (seen.k, seen.v))
        scores = padded(q, seen.places, shape).transpose(1, 2) @ k.transpose(2, 3)
        scores = scores.masked_fill(seen.hidden, float("-inf"))
        if seen.own:
            grouped = q.unflatten(1, (-1, group))
            own = [(grouped * k_own[:, :, None]).sum(-1).flatten(1) for k_own, _ in seen.own]
            scores = torch.cat([scores, padded(torch.stack(own, -1), seen.places, shape).transpose(1, 2)], -1)
        weights = (scores * self.config.head_dim**-0.5).softmax(-1)
        out = (weights[..., :keys] @ v).transpose(1, 2).flatten(0, 1)[seen.places]
        for i, (_, v_own) in enumerate(seen.own):
            share = weights[..., keys + i].transpose(1, 2).flatten(0, 1)[seen.places]
            out = out + share[..., None] * v_own.repeat_interleave(group, 1)
        return out

    def unroll(self, batch: Batch, queries: list[torch.Tensor]) -> tuple[list[torch.Tensor], Attended]:
        """Recurrent states of each step for the queries it names, and what the last step's queries saw.

        queries[k] are indices of step k among the batch's queries, those of a step among those of the step before. Step 0 is
        causal over all rows. Step k is fed the true token t+1+k and its own last state, and sees what step 0 saw and one key
        for each later step of its own row: what serving sees after k drafts, without a T x kT matrix. Rows near a sequence's
        end run on with a token that is no label of any.
        """
        residual, u = self.enter(batch.ids, self.first_state(batch.states))
        sequences, keys, width = batch.shape
        k, v = (padded(self.project(n, u, batch.positions), batch.key_places, (sequences, keys)) for n in "kv")
        t = padded(batch.positions[batch.query_rows], batch.query_places, (sequences, width))
        hidden = torch.arange(keys) > t[:, None, :, None]
        states, own = [], []
        for step, chosen in enumerate(queries):
            rows = batch.query_rows[chosen]
            positions = batch.positions[rows] + step
            if step:
                among = torch.searchsorted(queries[step - 1], chosen)
                own = [(k_own[among], v_own[among]) for k_own, v_own in own]
                following = rows + torch.minimum(batch.remaining[chosen] + 1, torch.tensor(step))
                residual, u = self.enter(batch.ids[following], states[-1][among])
                own.append((self.project("k", u, positions), self.project("v", u, positions)))
            else:
                residual, u = residual[rows], u[rows]
            seen = Attended(k, v, hidden, batch.query_places[chosen], own)
            states.append(self.finish(residual, self.attend(self.project("q", u, positions), seen)))
        return states, seen


class Eagle3Head(DraftHead):
    """Fuses three states of the residual stream; has its own LM head over the draft vocabulary.

    The residual is the fused state, the token reaches the head through attention only. `fc_norm`: an RMSNorm for each tapped
    state before fc.
    """

    kind = "eagle3"

    def __init__(
        self,
        target: Target,
        taps: list[int],
        d2t: torch.Tensor,
        t2d: torch.Tensor,
        fc_norm: bool = True,
        num_key_value_heads: int = 0,
    ):
        super().__init__(target, taps, d2t, t2d)
        if num_key_value_heads:
            if self.config.num_attention_heads % num_key_value_heads:
                raise ValueError(
                    f"Cannot make a head of {num_key_value_heads} key-value heads: "
                    f"expected a divisor of its {self.config.num_attention_heads} attention heads"
                )
            self.config = replace(self.config, num_key_value_heads=num_key_value_heads)
        hidden = self.config.hidden_size
        self.fc_norm = nn.ModuleList([self._norm() for _ in taps]) if fc_norm else None
        self.fc = _linear(len(taps) * hidden, hidden)
        self.midlayer = self._decoder_layer(2 * hidden, ["input_layernorm", "hidden_norm", "post_attention_layernorm"])
        self.norm = self._norm()
        self.lm_head = _linear(hidden, len(d2t))

    @property
    def layer(self) -> nn.ModuleDict:
        return self.midlayer

    def first_state(self, states: torch.Tensor) -> torch.Tensor:
        tapped = states[:, : len(self.taps)]
        if self.fc_norm is not None:
            tapped = torch.stack([norm(tapped[:, i]) for i, norm in enumerate(self.fc_norm)], 1)
        return self.fc(tapped.flatten(1))

    def enter(self, ids: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        token = self.midlayer["input_layernorm"](self.embedding[ids])
        return state, torch.cat([token, self.midlayer["hidden_norm"](state)], -1)

    def before_lm_head(self, s: torch.Tensor) -> torch.Tensor:
        return self.norm(s)

    @property
    def lm_head_weight(self) -> torch.Tensor:
        return self.lm_head.weight


class Eagle2Head(DraftHead):
    """Imitates the target's final-norm output of the next position and uses the target's LM head.

    Trained and tried with the rows of a draft vocabulary (FR-Spec, arXiv 2502.14856); serving may take others or all.
    """

    kind = "eagle2"

    def __init__(self, target: Target, taps: list[int], d2t: torch.Tensor, t2d: torch.Tensor):
        super().__init__(target, taps, d2t, t2d)
        hidden = self.config.hidden_size
        self.fc = _linear(2 * hidden, hidden)
        self.layers = nn.ModuleList([self._decoder_layer(hidden, ["post_attention_layernorm"])])

    @property
    def layer(self) -> nn.ModuleDict:
        return self.layers[0]

    def first_state(self, states: torch.Tensor) -> torch.Tensor:
        return states[:, -1]

    def enter(self, ids: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.fc(torch.cat([self.embedding[ids], state], -1))
        return x, x

    def before_lm_head(self, s: torch.Tensor) -> torch.Tensor:
        return s

    @property
    def lm_head_weight(self) -> torch.Tensor:
        return self.target_lm_head
