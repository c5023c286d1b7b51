"""Heads that begin as parts of their target."""

import torch

from .heads import DraftHead, Eagle3Head
from .llama import Target


def with_heads(weight: torch.Tensor, rows: int, head_dim: int) -> torch.Tensor:
    """Rows of a projection to heads, each head repeated until there are `rows`: more key-value heads, the same attention."""
    if rows % len(weight):
        raise ValueError(f"Cannot repeat {len(weight) // head_dim} key-value heads to {rows // head_dim}: expected a multiple")
    heads = weight.unflatten(0, (-1, head_dim))
    return heads.repeat_interleave(rows // len(weight), 0).flatten(0, 1)


@torch.no_grad()
def copy_output(head: DraftHead, target: Target) -> None:
    """Begins EAGLE-3's final norm and LM head as the target's; EAGLE-2 has the target's anyway."""
    if isinstance(head, Eagle3Head):
        head.norm.weight.copy_(target.norm)
        head.lm_head.weight.copy_(head.target_lm_head)


@torch.no_grad()
def warm_start(head: DraftHead, target: Target, high_state_rms: float) -> None:
    """Copies what resembles the head's task from the target's last layer, final norm and LM head.

    EAGLE-3: the hidden half of q, k, v is copied; the embedding half starts at zero for q and k and small for v, the only way
    by which the known token reaches the head. fc passes the highest tapped state on, at its own scale `high_state_rms`.
    EAGLE-2: its state is the residual stream after the final norm, so the layer's weights take that norm's gain into account
    on both sides; fc passes the state on and adds a little of the token.
    """
    hidden, layer = head.config.hidden_size, head.layer
    last = target.layer(head.config.num_hidden_layers - 1)
    eagle2 = head.kind == "eagle2"
    for name in ("gate_proj", "up_proj", "down_proj"):
        layer["mlp"][name].weight.copy_(last[f"mlp.{name}"])
    layer["post_attention_layernorm"].weight.copy_(last["post_attention_layernorm"])
    layer["self_attn"]["o_proj"].weight.copy_(last["self_attn.o_proj"])
    for name in "qkv":
        weight = layer["self_attn"][f"{name}_proj"].weight
        copied = with_heads(last[f"self_attn.{name}_proj"], len(weight), head.config.head_dim)
        weight[:, -hidden:] = copied * (last["input_layernorm"] / target.norm if eagle2 else 1)
        if weight.shape[1] > hidden:
            weight[:, :hidden].normal_(0, 0.02) if name == "v" else weight[:, :hidden].zero_()
    if isinstance(head, Eagle3Head):
        layer["hidden_norm"].weight.copy_(last["input_layernorm"])
        layer["input_layernorm"].weight.copy_(target.layer(0)["input_layernorm"])
        head.fc.weight.zero_()
        if head.fc_norm is not None:
            head.fc_norm[-1].weight.fill_(high_state_rms)
    else:
        head.fc.weight.normal_(0, 0.02)
        layer["post_attention_layernorm"].weight.div_(target.norm)
        for linear in (layer["self_attn"]["o_proj"], layer["mlp"]["down_proj"]):
            linear.weight.mul_((target.norm / high_state_rms)[:, None])
    head.fc.weight[:, -hidden:] = torch.eye(hidden)
    copy_output(head, target)
