"""The one TOML file that describes a run."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path


@dataclass
class RunConfig:
    """Everything that `features`, `vocab`, `train`, `export`, `cut` and `evaluate` read. Paths are relative to where you start."""

    target: str
    """A .gguf file or a folder of safetensors, of Llama architecture."""
    sequences: list[str]
    """.jsonl(.gz) files of `{ids, prompt}` that the target wrote."""
    prompts: list[str]
    """.jsonl(.gz) files of `{text}`, user messages: `generate` asks them, `vocab` counts them."""
    questions: list[str]
    """.jsonl files of `{turns}`: `evaluate` asks them, `prompts` keeps them out of training."""
    features: str
    """Folder of the captured hidden states."""
    run: str
    """Folder of checkpoints, metrics and the draft vocabulary."""
    kind: str = "eagle3"
    """`eagle3` or `eagle2`."""
    taps: list[int] = field(default_factory=list)
    """Layers on whose entrance the hidden states are read; empty: 2, L//2, L-3."""
    draft_vocab_size: int = 8192
    num_key_value_heads: int = 0
    """EAGLE-3, the head's own; 0: the target's. The token reaches the head through values alone, so more of them help."""
    fc_norm: bool = True
    """EAGLE-3: an RMSNorm for each tapped state."""
    warm_start: str = "all"
    """What begins as the target's: `all` (last layer, final norm, LM head), `output` (the last two) or `none`."""
    start_from: str = ""
    """A head's folder to begin from instead."""
    unroll_steps: int = 3
    step_decay: float = 0.8
    """Weight of unrolled step k is step_decay^k, normalised."""
    row_share: float = 0.5
    """Share of a step's rows that the next unrolled step goes on with."""
    acceptance_share: float = 0.0
    """Share of the LK loss in the last third."""
    feature_weight: float = 0.0
    """EAGLE-2: weight of the regression of the target's next state."""
    tokens: int = 3_000_000
    """Answer tokens to train on, repetitions counted."""
    batch_tokens: int = 256
    """Padded tokens of a worker's batch; a step is one batch of each worker. Many small steps learn most from a token."""
    learning_rate: float = 2e-3
    """Peak."""
    warmup: float = 0.04
    """Share of the tokens over which the learning rate rises; after it, it falls by a cosine to a twentieth."""
    weight_decay: float = 0.01
    """Of the matrices."""
    clip_norm: float = 1.0
    ema: float = 0.99
    seed: int = 0
    workers: int = 2
    """Single-threaded processes, gradients summed: on a busy machine they wait for each other once a step only."""
    checkpoint_minutes: float = 4.0


def load_config(path: str | Path) -> RunConfig:
    """Reads the file; unknown keys are refused, since a misspelt one would be a run with other settings than it says."""
    stated = tomllib.loads(Path(path).read_text())
    unknown = stated.keys() - {f.name for f in fields(RunConfig)}
    if unknown:
        raise ValueError(f"Cannot read {path}: unknown keys {sorted(unknown)}, expected {[f.name for f in fields(RunConfig)]}")
    config = RunConfig(**stated)
    for key, allowed in {"kind": ("eagle3", "eagle2"), "warm_start": ("all", "output", "none")}.items():
        if getattr(config, key) not in allowed:
            raise ValueError(f"Cannot read {path}: {key} is {getattr(config, key)}, expected one of {list(allowed)}")
    if config.kind == "eagle2" and config.num_key_value_heads:
        raise ValueError(f"Cannot read {path}: num_key_value_heads is set, expected kind eagle3")
    return config
