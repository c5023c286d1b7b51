"""Writes the fields that SGLang and OpenAI know, with their defaults, from unpacked packages.

    pip download --no-deps --dest pkg sglang==0.5.23 openai==2.54.0
    (unpack both into pkg/)
    python3 tests/fields/extract.py pkg > tests/fields/fields.json

Only syntax is read: nothing of the packages is imported, and neither is needed by the tests.
"""

import ast
import json
import sys
from pathlib import Path

IO_STRUCT = "sglang/srt/managers/io_struct.py"
SAMPLING = "sglang/srt/sampling/sampling_params.py"
PROTOCOL = "sglang/srt/entrypoints/openai/protocol.py"
CHAT = "openai/types/chat"

# Name in the data: file, classes whose fields it has.
SOURCES = {
    "sglang.GenerateReqInput": (IO_STRUCT, ["GenerateReqInput"]),
    "sglang.SamplingParams": (SAMPLING, ["SamplingParams"]),
    "sglang.ChatCompletionRequest": (PROTOCOL, ["PDRoutingFields", "ChatCompletionRequest"]),
    "sglang.CompletionRequest": (PROTOCOL, ["PDRoutingFields", "CompletionRequest"]),
    "sglang.EmbeddingRequest": (PROTOCOL, ["EmbeddingRequest"]),
    "sglang.EmbeddingReqInput": (IO_STRUCT, ["EmbeddingReqInput"]),
    "sglang.Message": (PROTOCOL, ["ChatCompletionMessageGenericParam", "ChatCompletionMessageUserParam"]),
    "sglang.StreamOptions": (PROTOCOL, ["StreamOptions"]),
    "openai.ChatCompletionRequest": (
        f"{CHAT}/completion_create_params.py",
        ["CompletionCreateParamsBase", "CompletionCreateParamsStreaming"],
    ),
    "openai.CompletionRequest": (
        "openai/types/completion_create_params.py",
        ["CompletionCreateParamsBase", "CompletionCreateParamsStreaming"],
    ),
    "openai.EmbeddingRequest": ("openai/types/embedding_create_params.py", ["EmbeddingCreateParams"]),
    "openai.StreamOptions": (
        f"{CHAT}/chat_completion_stream_options_param.py",
        ["ChatCompletionStreamOptionsParam"],
    ),
    "openai.AssistantMessage": (
        f"{CHAT}/chat_completion_assistant_message_param.py",
        ["ChatCompletionAssistantMessageParam"],
    ),
    "openai.ToolMessage": (f"{CHAT}/chat_completion_tool_message_param.py", ["ChatCompletionToolMessageParam"]),
    "openai.FunctionMessage": (
        f"{CHAT}/chat_completion_function_message_param.py",
        ["ChatCompletionFunctionMessageParam"],
    ),
    "openai.TextPart": (
        f"{CHAT}/chat_completion_content_part_text_param.py",
        ["ChatCompletionContentPartTextParam"],
    ),
    "openai.RefusalPart": (
        f"{CHAT}/chat_completion_content_part_refusal_param.py",
        ["ChatCompletionContentPartRefusalParam"],
    ),
}


class Module:
    """The classes and constants of a file."""

    def __init__(self, path: Path):
        body = ast.parse(path.read_text()).body
        self.classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
        self.constants = {
            node.targets[0].id: node.value
            for node in body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }

    def value(self, node: ast.expr | None):
        """A default as JSON has it; null where only running the code would tell."""
        if isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "default"]
            return self.value(given[0]) if given else None
        if isinstance(node, ast.Name):
            return self.value(self.constants.get(node.id))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift):
            return self.value(node.left) << self.value(node.right)
        try:
            return ast.literal_eval(node) if node is not None else None
        except ValueError:
            return None

    def fields(self, name: str):
        for node in self.classes[name].body:
            if not isinstance(node, ast.AnnAssign) or node.target.id.startswith("_"):
                continue
            yield node.target.id, self.value(node.value)


def version(root: Path, package: str) -> str:
    return next(root.glob(f"{package}-*.dist-info")).stem.split("-")[1]


def find(root: Path, name: str) -> Path:
    """The package's folder: beside its metadata, wherever it was unpacked to."""
    return next(path for path in [root, *root.iterdir()] if next(path.glob(f"{name}-*.dist-info"), None))


def main(root: Path) -> None:
    roots = {name: find(root, name) for name in ("sglang", "openai")}
    data = {
        "versions": {name: version(path, name) for name, path in roots.items()},
        "fields": {},
    }
    for name, (path, classes) in SOURCES.items():
        module = Module(roots[name.split(".")[0]] / path)
        data["fields"][name] = dict(field for one in classes for field in module.fields(one))
    json.dump(data, sys.stdout, indent=1)
    print()


main(Path(sys.argv[1]))
