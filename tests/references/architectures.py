"""Tiny random models of transformers, with their logits and greedy continuations.

Input: {"folder", "tokens", "numGreedy", "models": {name: {"architecture", "config"}}, "classes": [name]}. Each model is
saved to folder/name with `logits.f32`, little-endian float32 [tokens, vocabulary], and `states.f32` [layers + 1, tokens,
hidden size], the inputs of the layers and the output of the final norm. Output: {"greedy": {name: [token]},
"defaults": {class: {field: value}}}, the fields of configuration classes as they are when nothing is said.
"""

import json
import math
import sys

import torch
import transformers


# Logits that are right differ by less, so that the best token is the same.
MIN_GAP = 0.01


def fill(model, seed):
    """Random numbers: logits have a standard deviation of about 2, and depend on more than the last token."""
    random = torch.Generator().manual_seed(seed)
    adds_one = "gemma" in type(model).__name__.lower()
    # Of embeddings: a large one would make a model with tied matrices repeat its last token.
    small = 0.15 if adds_one else 0.5
    for name, parameter in model.named_parameters():
        numbers = torch.randn(parameter.shape, generator=random)
        if name.endswith(".bias"):
            numbers *= 0.3
        elif parameter.dim() == 1:
            numbers = 0.1 * numbers + (0 if adds_one else 1)
        else:
            gain = small if "embed_tokens" in name or "lm_head" in name else 2
            numbers *= gain / math.sqrt(parameter.shape[-1])
        if name.endswith(("model.norm.weight", "language_model.norm.weight")):
            numbers += 2 / small
        parameter.data.copy_(numbers)


def make(folder, architecture, config, tokens, num_greedy):
    kind = getattr(transformers, architecture)
    model = kind._from_config(kind.config_class(**config), attn_implementation="eager", dtype=torch.float32).eval()
    for seed in range(100):
        fill(model, seed)
        model.tie_weights()
        logits, greedy, gap = forward(model, tokens, num_greedy)
        if gap > MIN_GAP:
            break
    model.save_pretrained(folder)
    logits.numpy().astype("<f4").tofile(f"{folder}/logits.f32")
    with torch.no_grad():
        states = model(input_ids=torch.tensor([tokens]), output_hidden_states=True).hidden_states
    torch.cat(states).numpy().astype("<f4").tofile(f"{folder}/states.f32")
    return greedy


def forward(model, tokens, num_greedy):
    """Logits of the tokens, what follows them, and how far the best token led where it led least."""
    with torch.no_grad():
        logits, known, gap = model(input_ids=torch.tensor([tokens])).logits[0], list(tokens), math.inf
        last = logits[-1]
        for _ in range(num_greedy):
            best = last.topk(2)
            gap = min(gap, float(best.values[0] - best.values[1]))
            known.append(int(best.indices[0]))
            last = model(input_ids=torch.tensor([known])).logits[0, -1]
    return logits, known[len(tokens) :], gap


def main():
    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    greedy = {
        name: make(f"{asked['folder']}/{name}", one["architecture"], one["config"], asked["tokens"], asked["numGreedy"])
        for name, one in asked["models"].items()
    }
    defaults = {name: getattr(transformers, name)().to_dict() for name in asked["classes"]}
    json.dump({"greedy": greedy, "defaults": defaults}, sys.stdout)


if __name__ == "__main__":
    main()
