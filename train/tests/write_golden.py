"""Writes golden.safetensors into a head's folder: what an engine must compute from the head, by the plain implementation.

    python train/tests/write_golden.py heads/<name> <target>

token_ids [16], embeddings [16, H], states [16, taps, H] (EAGLE-2: one tap, the final-norm output): 16 rows of a real text at
positions 0..15, row t of token t+1.
hidden [16, H], logits [16, V_d]: after those rows. step_token_ids [3]: the tokens then drafted greedily, target ids;
step_embeddings, step_hidden, step_logits: of three recurrent rows at positions 16, 17, 18, each fed its token and the state
before it.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file

from aerie_train.chat import Chat
from aerie_train.checkpoint import load_checkpoint
from aerie_train.features import default_taps
from aerie_train.llama import Target

sys.path.insert(0, str(Path(__file__).parent))
from reference import PlainHead  # noqa: E402

ROWS, STEPS = 16, 3


def main(folder: str, path: str) -> None:
    checkpoint = load_checkpoint(path)
    target = Target(checkpoint)
    text = "The quick brown fox jumps over the lazy dog, and 12 hens watch it from behind the old stone wall."
    ids = Chat(checkpoint).encode(text)[: ROWS + 1]
    tapped, final = target.forward(torch.tensor([ids]), default_taps(checkpoint.config.num_hidden_layers))
    states = torch.stack([*tapped, final], 2)[0, :ROWS].numpy()
    tensors = load_file(Path(folder) / "model.safetensors")
    eagle3 = "d2t" in tensors
    draft_ids = np.arange(len(target.lm_head))
    if eagle3:
        draft_ids = tensors["d2t"].long().numpy() + np.arange(len(tensors["d2t"]))
    weights = {name: t.double().numpy() for name, t in tensors.items()}
    lm_head = target.lm_head.double().numpy()
    head = PlainHead("eagle3" if eagle3 else "eagle2", weights, checkpoint.config, lm_head)
    embedding = target.embedding.numpy()

    tokens = ids[1:]
    rows = [head.step(embedding[token], head.first_state(state), t) for t, (token, state) in enumerate(zip(tokens, states))]
    (s, logits), drafted, steps = rows[-1], [], []
    for step in range(STEPS):
        drafted.append(int(draft_ids[logits.argmax()]))
        s, logits = head.step(embedding[drafted[-1]], s, ROWS + step)
        steps.append((s, logits))
    golden = {
        "embeddings": embedding[tokens],
        "states": states[:, :-1] if eagle3 else states[:, -1:],
        "hidden": np.stack([s for s, _ in rows]),
        "logits": np.stack([logits for _, logits in rows]),
        "step_embeddings": embedding[drafted],
        "step_hidden": np.stack([s for s, _ in steps]),
        "step_logits": np.stack([logits for _, logits in steps]),
    }
    golden = {name: np.ascontiguousarray(values, np.float32) for name, values in golden.items()}
    golden |= {"token_ids": np.array(tokens, np.int32), "step_token_ids": np.array(drafted, np.int32)}
    save_file(golden, Path(folder) / "golden.safetensors")


if __name__ == "__main__":
    main(*sys.argv[1:])
