"""The heads once more, in NumPy, one row at a time with a list as KV cache: what the trainer is judged by."""

import numpy as np


def rms_norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + eps) * weight


def rotate(x, position, theta):
    half = x.shape[-1] // 2
    angles = position * theta ** (-np.arange(half) / half)
    low, high = x[..., :half], x[..., half:]
    rotated = [low * np.cos(angles) - high * np.sin(angles), high * np.cos(angles) + low * np.sin(angles)]
    return np.concatenate(rotated, -1)


class PlainHead:
    """`tensors` are those of a checkpoint, float32 or float64; `config` a LlamaConfig; `kind` eagle3 or eagle2.

    `target_lm_head` [V_d, H] is what an EAGLE-2 head drafts with.
    """

    def __init__(self, kind, tensors, config, target_lm_head=None):
        self.w, self.config, self.cache, self.eagle3 = tensors, config, [], kind == "eagle3"
        self.layer = "midlayer" if self.eagle3 else "layers.0"
        self.lm_head = tensors["lm_head.weight"] if self.eagle3 else target_lm_head

    def norm(self, name, x):
        return rms_norm(x, self.w[f"{name}.weight"], self.config.rms_norm_eps)

    def first_state(self, states):
        """states [taps + 1, H], the final-norm output last -> [H]."""
        if not self.eagle3:
            return states[-1]
        parts = list(states[:-1])
        if "fc_norm.0.weight" in self.w:
            parts = [self.norm(f"fc_norm.{i}", x) for i, x in enumerate(parts)]
        return self.w["fc.weight"] @ np.concatenate(parts)

    def enter(self, embedding, state):
        """The residual and what attention is fed with."""
        if self.eagle3:
            u = [self.norm("midlayer.input_layernorm", embedding), self.norm("midlayer.hidden_norm", state)]
            return state, np.concatenate(u)
        x = self.w["fc.weight"] @ np.concatenate([embedding, state])
        return x, x

    def step(self, embedding, state, position):
        """One row: appends to the cache, returns the recurrent state [H] and the logits [V_d]."""
        c, w, layer = self.config, self.w, self.layer
        residual, u = self.enter(embedding, state)
        q, k, v = ((w[f"{layer}.self_attn.{n}_proj.weight"] @ u).reshape(-1, c.head_dim) for n in "qkv")
        self.cache.append((rotate(k, position, c.rope_theta), v))
        q = rotate(q, position, c.rope_theta)
        group = c.num_attention_heads // len(k)
        attended = []
        for head in range(c.num_attention_heads):
            keys = np.stack([k[head // group] for k, _ in self.cache])
            values = np.stack([v[head // group] for _, v in self.cache])
            scores = keys @ q[head] / np.sqrt(c.head_dim)
            weights = np.exp(scores - scores.max())
            attended.append(weights / weights.sum() @ values)
        h = residual + w[f"{layer}.self_attn.o_proj.weight"] @ np.concatenate(attended)
        y = self.norm(f"{layer}.post_attention_layernorm", h)
        gate = w[f"{layer}.mlp.gate_proj.weight"] @ y
        up = w[f"{layer}.mlp.up_proj.weight"] @ y
        s = h + w[f"{layer}.mlp.down_proj.weight"] @ (gate / (1 + np.exp(-gate)) * up)
        return s, self.lm_head @ (self.norm("norm", s) if self.eagle3 else s)
