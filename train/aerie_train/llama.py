"""The target in plain PyTorch: a Llama forward that keeps the hidden states a draft head is fed with."""

import torch
import torch.nn.functional as F

from .checkpoint import Checkpoint, LlamaConfig


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """x / rms(x) * weight over the last dimension."""
    return F.rms_norm(x, (x.shape[-1],), weight, eps)


def rotary_tables(positions: torch.Tensor, head_dim: int, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin, each [*positions.shape, head_dim], for `rotate`."""
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = positions[..., None].float() * frequencies
    return torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)


def rotate(x: torch.Tensor, tables: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Rotary embedding of x [..., tokens, heads, head_dim] by tables [..., tokens, head_dim]."""
    cos, sin = (table.unsqueeze(-2) for table in tables)
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin


class Target:
    """A frozen Llama model. Linear weights are float32; there is no KV cache unless one is passed."""

    def __init__(self, checkpoint: Checkpoint):
        self.config: LlamaConfig = checkpoint.config
        self.tensors = checkpoint.tensors
        self.embedding = checkpoint.tensors["model.embed_tokens.weight"]
        self.lm_head = checkpoint.tensors["lm_head.weight"]
        self.norm = checkpoint.tensors["model.norm.weight"]

    def layer(self, index: int) -> dict[str, torch.Tensor]:
        """Weights of a layer, by name without prefix and without `.weight`."""
        prefix = f"model.layers.{index}."
        return {k[len(prefix) : -len(".weight")]: v for k, v in self.tensors.items() if k.startswith(prefix)}

    @torch.no_grad()
    def forward(
        self, ids: torch.Tensor, taps: list[int], cache: list | None = None
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Runs ids [batch, tokens], causal and right-padded.

        Returns the residual stream on entering each layer of `taps` and the final-norm output, all [batch, tokens, H].
        With `cache` (a list, filled in place, one (k, v) a layer) the ids continue what the cache holds.
        """
        c = self.config
        past = cache[0][0].shape[2] if cache else 0
        positions = torch.arange(past, past + ids.shape[1])
        tables = rotary_tables(positions, c.head_dim, c.rope_theta)
        x, tapped = self.embedding[ids], []
        for index in range(c.num_hidden_layers):
            if index in taps:
                tapped.append(x)
            w = self.layer(index)
            x = x + self._attention(rms_norm(x, w["input_layernorm"], c.rms_norm_eps), w, tables, cache, index)
            y = rms_norm(x, w["post_attention_layernorm"], c.rms_norm_eps)
            x = x + F.linear(F.silu(F.linear(y, w["mlp.gate_proj"])) * F.linear(y, w["mlp.up_proj"]), w["mlp.down_proj"])
        return tapped, rms_norm(x, self.norm, c.rms_norm_eps)

    def _attention(self, x, w, tables, cache, index):
        c = self.config
        batch, tokens, _ = x.shape
        q, k, v = (F.linear(x, w[f"self_attn.{n}_proj"]).view(batch, tokens, -1, c.head_dim) for n in "qkv")
        q, k, v = rotate(q, tables).transpose(1, 2), rotate(k, tables).transpose(1, 2), v.transpose(1, 2)
        past = 0
        if cache is not None:
            if len(cache) > index:
                past = cache[index][0].shape[2]
                k, v = torch.cat([cache[index][0], k], 2), torch.cat([cache[index][1], v], 2)
                cache[index] = (k, v)
            else:
                cache.append((k, v))
        mask = None if past == 0 else torch.ones(tokens, past + tokens, dtype=torch.bool).tril(past)
        out = F.scaled_dot_product_attention(q, k, v, mask, is_causal=past == 0, enable_gqa=True)
        return F.linear(out.transpose(1, 2).reshape(batch, tokens, -1), w["self_attn.o_proj"])
