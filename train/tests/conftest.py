"""A tiny random target and sequences that it wrote."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aerie_train.checkpoint import Checkpoint, LlamaConfig
from aerie_train.config import RunConfig
from aerie_train.features import FeatureStore, capture_batch
from aerie_train.llama import Target

CONFIG = LlamaConfig(
    vocab_size=48,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=6,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
)
TAPS = [2, 3]


def tiny_checkpoint() -> Checkpoint:
    torch.manual_seed(1)
    hidden, kv = CONFIG.hidden_size, CONFIG.num_key_value_heads * CONFIG.head_dim
    shapes = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (kv, hidden),
        "self_attn.v_proj": (kv, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (CONFIG.intermediate_size, hidden),
        "mlp.up_proj": (CONFIG.intermediate_size, hidden),
        "mlp.down_proj": (hidden, CONFIG.intermediate_size),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    tensors = {"model.embed_tokens.weight": torch.randn(CONFIG.vocab_size, hidden), "model.norm.weight": torch.ones(hidden)}
    for layer in range(CONFIG.num_hidden_layers):
        for name, shape in shapes.items():
            values = torch.ones(shape) if len(shape) == 1 else torch.randn(shape) * 0.3
            tensors[f"model.layers.{layer}.{name}.weight"] = values
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    return Checkpoint(CONFIG, tensors, {})


def write_target(folder: Path, **stated) -> Path:
    """The tiny target as a folder of safetensors, its config.json with `stated` on top."""
    tensors = {name: values for name, values in tiny_checkpoint().tensors.items() if name != "lm_head.weight"}
    save_file(tensors, folder / "model.safetensors")
    sizes = {name: getattr(CONFIG, name) for name in CONFIG.__dataclass_fields__}
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], **sizes, **stated}))
    return folder


@pytest.fixture(scope="session")
def target() -> Target:
    return Target(tiny_checkpoint())


@pytest.fixture(scope="session")
def sequences(target) -> list[dict]:
    """Greedy continuations of random prompts, of different lengths."""
    generator = torch.Generator().manual_seed(2)
    written = []
    for prompt, answer in [(3, 9), (6, 4), (4, 7), (5, 12)]:
        ids = torch.randint(CONFIG.vocab_size, (1, prompt), generator=generator)
        for _ in range(answer):
            _, final = target.forward(ids, [])
            ids = torch.cat([ids, (final[:, -1:] @ target.lm_head.T).argmax(-1)], 1)
        written.append({"ids": ids[0].tolist(), "prompt": prompt})
    return written


@pytest.fixture()
def store(target, sequences, tmp_path) -> FeatureStore:
    """Their captured features, none held out."""
    store = FeatureStore.create(tmp_path / "features", sequences, TAPS, CONFIG)
    capture_batch(target, store, list(range(len(sequences))), TAPS)
    store.held_out.zero_()
    return store


@pytest.fixture()
def config(tmp_path, target, sequences) -> RunConfig:
    """Of a run whose features are captured, one sequence held out."""
    folder = tmp_path / "target"
    folder.mkdir()
    write_target(folder)
    store = FeatureStore.create(tmp_path / "features", sequences, TAPS, CONFIG)
    capture_batch(target, store, list(range(len(sequences))), TAPS)
    store.held_out.copy_(torch.tensor([0, 0, 0, 1]))
    run = tmp_path / "run"
    run.mkdir()
    (run / "draft_vocab.json").write_text(json.dumps(list(range(0, 48, 2))))
    paths = {"target": str(folder), "features": str(tmp_path / "features"), "run": str(run)}
    lists = {"sequences": [], "prompts": [], "questions": []}
    return RunConfig(**paths, **lists, taps=TAPS, workers=1, batch_tokens=24, tokens=60, warm_start="none")
