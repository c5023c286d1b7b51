"""MiMo, by transformers and torch: writes a tiny random checkpoint with MTP layers, and says what it computes.

The base is Qwen2 under another name. The MTP layers follow MiMo's published code for one layer and DeepSeek-V3's report
(arXiv 2412.19437, 2.2) for several: layer 0 takes the target's final-norm output f[i] with the embedding of token i + 1
(zero at position 0); layer k takes the state that layer k - 1 has one row earlier. Recurrent states are normed. Of states
of committed tokens, those that pass from row to row are kept in bfloat16.

Input: a list of {folder, config, layers, seed, prompt, tokens, lengths, topk, depth}. Output: of each {logits, greedy,
drafts}, where drafts has, for every length in `lengths`, the probability of every path of top-k tokens behind so many.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM


def norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, positions, theta):
    half = x.shape[-1] // 2
    angles = positions[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Mtp:
    """The layers in float64, over a whole sequence at once."""

    def __init__(self, tensors, config, layers):
        self.tensors = {name: tensor.double() for name, tensor in tensors.items()}
        self.config, self.layers = config, layers
        self.eps = config["rms_norm_eps"]

    def layer(self, index, states, tokens):
        """Normed states of all rows; row e takes states[e] and tokens[e]."""
        at = lambda name: self.tensors[f"model.mtp_layers.{index}.{name}"]
        embedded = self.tensors["model.embed_tokens.weight"][tokens].clone()
        embedded[0] = 0
        x = torch.cat([norm(states, at("hidden_layernorm.weight"), self.eps),
                       norm(embedded, at("token_layernorm.weight"), self.eps)], -1)
        x = x @ at("input_proj.weight").T
        normed = norm(x, at("input_layernorm.weight"), self.eps)
        heads, kv_heads = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        width, rows = self.config["head_dim"], len(tokens)
        project = lambda name: (normed @ at(f"self_attn.{name}_proj.weight").T + at(f"self_attn.{name}_proj.bias"))
        positions = torch.arange(rows, dtype=torch.float64)
        q = rotate(project("q").view(rows, heads, width), positions, self.config["rope_theta"])
        k = rotate(project("k").view(rows, kv_heads, width), positions, self.config["rope_theta"])
        v = project("v").view(rows, kv_heads, width)
        k, v = (part.repeat_interleave(heads // kv_heads, 1) for part in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, k) / width ** 0.5
        scores += torch.full((rows, rows), -torch.inf, dtype=torch.float64).triu(1)
        attended = torch.einsum("hqk,khd->qhd", scores.softmax(-1), v).reshape(rows, -1)
        x = x + attended @ at("self_attn.o_proj.weight").T
        normed = norm(x, at("post_attention_layernorm.weight"), self.eps)
        gated = torch.nn.functional.silu(normed @ at("mlp.gate_proj.weight").T) * (normed @ at("mlp.up_proj.weight").T)
        x = x + gated @ at("mlp.down_proj.weight").T
        return norm(x, at("final_layernorm.weight"), self.eps)

    def probabilities(self, features, tokens, path):
        """Probabilities of what follows `path` behind `tokens`: what step number len(path) drafts."""
        committed, last = len(tokens) - 1, min(len(path), self.layers - 1)
        following = torch.tensor(tokens[1:] + path)
        states = features[:committed].bfloat16().double()
        for index in range(last + 1):
            out = self.layer(index, states, following[: len(states)])
            if index == last:
                break
            kept = out.clone()
            kept[: committed - 1] = kept[: committed - 1].bfloat16().double()
            states = torch.cat([out[:1].bfloat16().double(), kept])
        # Steps beyond the last layer's first one go on from its own states.
        while len(states) < committed + len(path):
            states = torch.cat([states, out[-1:]])
            out = self.layer(last, states, following[: len(states)])
        return (out[-1] @ self.tensors["lm_head.weight"].T).softmax(-1)

    def tree(self, features, tokens, topk, depth):
        """Probability of every path of at most `depth` tokens that takes one of the `topk` best each time."""
        found, paths = {}, [([], 1.0)]
        for _ in range(depth):
            grown = []
            for path, probability in paths:
                best = self.probabilities(features, tokens, path).topk(topk)
                grown += [(path + [t], probability * p) for p, t in zip(best.values.tolist(), best.indices.tolist())]
            found.update({",".join(map(str, path)): probability for path, probability in grown})
            paths = grown
        return found


def add_mtp(tensors, config, layers):
    """Random MTP layers as the checkpoint names them."""
    hidden, inner, width = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = width * config["num_attention_heads"], width * config["num_key_value_heads"]
    shapes = {"input_proj": (hidden, 2 * hidden), "self_attn.q_proj": (queries, hidden), "self_attn.k_proj": (keys, hidden),
              "self_attn.v_proj": (keys, hidden), "self_attn.o_proj": (hidden, queries), "mlp.gate_proj": (inner, hidden),
              "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner)}
    norms = ["token_layernorm", "hidden_layernorm", "input_layernorm", "post_attention_layernorm", "final_layernorm"]
    for index in range(layers):
        at = f"model.mtp_layers.{index}."
        for name, shape in shapes.items():
            tensors[f"{at}{name}.weight"] = torch.randn(shape) / shape[1] ** 0.5
        for name, size in {"q": queries, "k": keys, "v": keys}.items():
            tensors[f"{at}self_attn.{name}_proj.bias"] = 0.3 * torch.randn(size)
        for name in norms:
            tensors[f"{at}{name}.weight"] = 1 + 0.1 * torch.randn(hidden)


def write(folder, model, tensors, config, layers):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    # As MiMo's own config.json spells it, which is older than `rope_parameters`.
    json_config = {key: value for key, value in model.config.to_dict().items() if key != "rope_parameters"} | {
        "rope_theta": config["rope_theta"], "rope_scaling": None, "attention_bias": True,
        "architectures": ["MiMoForCausalLM"], "model_type": "mimo", "num_nextn_predict_layers": layers,
        "auto_map": {"AutoModelForCausalLM": "modeling_mimo.MiMoForCausalLM"}, "head_dim": config["head_dim"]}
    (folder / "config.json").write_text(json.dumps(json_config))


def answer(asked):
    config, layers = asked["config"], asked["layers"]
    torch.manual_seed(asked["seed"])
    model = Qwen2ForCausalLM(Qwen2Config(**config, tie_word_embeddings=False)).float().eval()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.dim() == 2:
                gain = 2 if "embed_tokens" in name or "lm_head" in name else 1
                tensor.copy_(gain * torch.randn_like(tensor) / tensor.shape[1] ** 0.5)
            else:
                tensor.copy_((0 if name.endswith("bias") else 1) + 0.2 * torch.randn_like(tensor))
    tensors = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    add_mtp(tensors, config, layers)
    write(Path(asked["folder"]), model, tensors, config, layers)
    mtp = Mtp(tensors, config, layers)
    with torch.no_grad():
        prompt = torch.tensor([asked["prompt"]])
        logits = model(prompt).logits[0]
        sequence = model.generate(prompt, max_new_tokens=asked["tokens"], do_sample=False, eos_token_id=None, pad_token_id=0)
        features = model.model(sequence).last_hidden_state[0]
        tokens = sequence[0].tolist()
        drafts = {n: mtp.tree(features, tokens[:n], asked["topk"], asked["depth"]) for n in asked["lengths"]}
    greedy = tokens[len(asked["prompt"]):]
    return {"logits": logits.tolist(), "greedy": greedy, "drafts": drafts}


print(json.dumps([answer(model) for model in json.load(sys.stdin)]))
