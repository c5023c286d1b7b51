"""The EAGLE-3 head once more, in NumPy, one row at a time with a list as KV cache: what the trainer is judged by."""

import numpy as np


def rms_norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + eps) * weight


def rotate(x, position, theta):
    half = x.shape[-1] // 2
    angles = position * theta ** (-np.arange(half) / half)
    low, high = x[..., :half], x[..., half:]
    rotated = [low * np.cos(angles) - high * np.sin(angles), high * np.cos(angles) + low * np.sin(angles)]
    return np.concatenate(rotated, -1)


class PlainEagle3:
    """`tensors` are those of a checkpoint, float32 or float64; `config` a LlamaConfig."""

    def __init__(self, tensors, config):
        self.w, self.config, self.cache = tensors, config, []

    def fuse(self, states):
        """states [taps, H] -> g [H]."""
        parts = list(states)
        if "fc_norm.0.weight" in self.w:
            eps = self.config.rms_norm_eps
            parts = [rms_norm(x, self.w[f"fc_norm.{i}.weight"], eps) for i, x in enumerate(parts)]
        return self.w["fc.weight"] @ np.concatenate(parts)

    def step(self, embedding, g, position):
        """One row: appends to the cache, returns the recurrent state [H] and the logits [V_d]."""
        c, w = self.config, self.w
        norm = lambda name, x: rms_norm(x, w[f"{name}.weight"], c.rms_norm_eps)
        u = np.concatenate([norm("midlayer.input_layernorm", embedding), norm("midlayer.hidden_norm", g)])
        q, k, v = ((w[f"midlayer.self_attn.{n}_proj.weight"] @ u).reshape(-1, c.head_dim) for n in "qkv")
        self.cache.append((rotate(k, position, c.rope_theta), v))
        q = rotate(q, position, c.rope_theta)
        group = c.num_attention_heads // c.num_key_value_heads
        attended = []
        for head in range(c.num_attention_heads):
            keys = np.stack([k[head // group] for k, _ in self.cache])
            values = np.stack([v[head // group] for _, v in self.cache])
            scores = keys @ q[head] / np.sqrt(c.head_dim)
            weights = np.exp(scores - scores.max())
            attended.append(weights / weights.sum() @ values)
        h = g + w["midlayer.self_attn.o_proj.weight"] @ np.concatenate(attended)
        y = norm("midlayer.post_attention_layernorm", h)
        gate = w["midlayer.mlp.gate_proj.weight"] @ y
        s = h + w["midlayer.mlp.down_proj.weight"] @ (gate / (1 + np.exp(-gate)) * (w["midlayer.mlp.up_proj.weight"] @ y))
        return s, w["lm_head.weight"] @ norm("norm", s)
