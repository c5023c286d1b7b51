"""Draft heads on disk: safetensors with EAGLE's tensor names and a config.json that states every convention."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .heads import DraftHead, Eagle2Head, Eagle3Head
from .vocab import offsets_of
from .warm_start import with_heads

ARCHITECTURES = {"eagle3": "LlamaForCausalLMEagle3", "eagle2": "LlamaForCausalLMEagle"}


def export_head(
    head: torch.nn.Module, weights: dict[str, torch.Tensor], folder: str | Path, target: str | Path, dtype=torch.bfloat16
) -> None:
    """Writes model.safetensors and config.json for `head`, whose parameters are `weights`.

    The embedding is the target's and not written. EAGLE-3's d2t is int64 [V_d], an offset: target id = draft id + d2t.
    """
    folder, c = Path(folder), head.config
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: values.to(dtype).contiguous() for name, values in weights.items()}
    stated = {
        "architectures": [ARCHITECTURES[head.kind]],
        "model_type": "llama",
        "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size,
        "num_hidden_layers": 1,
        "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads,
        "head_dim": c.head_dim,
        "hidden_act": "silu",
        "vocab_size": c.vocab_size,
        "max_position_embeddings": c.max_position_embeddings,
        "rms_norm_eps": c.rms_norm_eps,
        "rope_theta": c.rope_theta,
        "tie_word_embeddings": False,
        "torch_dtype": str(dtype).removeprefix("torch."),
        "position_convention": "row t: state of position t, token t+1, rotary position t, predicts token t+2",
        "target": Path(target).name,
        "target_sha256": _sha256(target),
    }
    if head.kind == "eagle3":
        tensors |= {"d2t": head.d2t, "t2d": head.t2d}
        stated |= {
            "draft_vocab_size": len(head.d2t),
            "feature_hf_index": head.taps,
            # The layers whose outputs are the entrances of the tapped ones.
            "eagle_config": {"eagle_aux_hidden_state_layer_ids": [tap - 1 for tap in head.taps], "use_aux_hidden_state": True},
            "fc_norm": head.fc_norm is not None,
            "norm_before_residual": False,
            "norm_output": False,
        }
    else:
        stated |= {"bias": False, "feature": "output of the final norm"}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(stated, indent=2) + "\n")


def _sha256(path: str | Path) -> str:
    """Of a GGUF file, or of the first safetensors file of a folder."""
    path = Path(path).expanduser()
    file = path if path.is_file() else sorted(path.glob("*.safetensors"))[0]
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def import_head(folder: str | Path, target, token_map: list[int] | None = None) -> DraftHead:
    """Reads a head that `export_head`, or another trainer with the same names, wrote.

    An EAGLE-2 head drafts from `token_map` (target ids), all tokens by default.
    """
    folder = Path(folder)
    stated = json.loads((folder / "config.json").read_text())
    tensors = {name: values.float() for name, values in load_file(folder / "model.safetensors").items()}
    if "midlayer.hidden_norm.weight" in tensors:
        maps = tensors["d2t"].long(), tensors["t2d"].bool()
        has_norms = "fc_norm.0.weight" in tensors
        kv_heads = len(tensors["midlayer.self_attn.k_proj.weight"]) // target.config.head_dim
        head = Eagle3Head(target, stated["feature_hf_index"], *maps, has_norms, kv_heads)
    elif "layers.0.self_attn.q_proj.weight" in tensors:
        maps = offsets_of(token_map or list(range(target.config.vocab_size)), target.config.vocab_size)
        head = Eagle2Head(target, [], *maps)
    else:
        raise ValueError(f"Cannot import {folder}: tensors {sorted(tensors)}, expected an EAGLE-3 or EAGLE-2 head")
    head.load_state_dict(tensors | {"d2t": maps[0], "t2d": maps[1]})
    return head


@torch.no_grad()
def start_from(head: DraftHead, earlier: DraftHead) -> None:
    """Takes over another head's weights; LM head rows by target id, so the draft vocabularies may differ.

    Rows that the earlier head lacks become the target's, key-value heads that it lacks copies of its own.
    """
    rows = {token: row for row, token in enumerate(earlier.draft_ids.tolist())}
    for name, values in earlier.named_parameters():
        if name != "lm_head.weight":
            own = head.get_parameter(name)
            is_kv = name.endswith(("k_proj.weight", "v_proj.weight"))
            own.copy_(with_heads(values, len(own), head.config.head_dim) if is_kv else values)
    if isinstance(head, Eagle3Head):
        head.lm_head.weight.copy_(head.target_lm_head)
        for row, token in enumerate(head.draft_ids.tolist()):
            if token in rows:
                head.lm_head.weight[row] = earlier.lm_head.weight[rows[token]]


def with_vocabulary(earlier: DraftHead, target, ids: list[int]) -> Eagle3Head:
    """The same EAGLE-3 head with another draft vocabulary; see `start_from`."""
    if not isinstance(earlier, Eagle3Head):
        raise ValueError(f"Cannot change the vocabulary of an {earlier.kind} head: its LM head is the target's")
    maps = offsets_of(ids, target.config.vocab_size)
    has_norms = earlier.fc_norm is not None
    head = Eagle3Head(target, earlier.taps, *maps, has_norms, earlier.config.num_key_value_heads)
    start_from(head, earlier)
    return head
