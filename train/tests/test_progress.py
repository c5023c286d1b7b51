"""What a terminal and a log file get to read."""

import io
import json
import subprocess
import sys
from pathlib import Path

from aerie_train.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO) -> str:
    """Fifty texts, one a second, then something that stays."""
    now = 0.0
    progress = Progress(stream, lambda: now)
    for second in range(50):
        now = float(second)
        progress.show(f"at {second}")
    progress.note("done")
    return stream.getvalue()


def test_a_log_file_gets_a_line_every_ten_seconds():
    assert shown(io.StringIO()).splitlines() == ["at 0", "at 10", "at 20", "at 30", "at 40", "done"]


def test_a_terminal_gets_one_line_that_changes():
    assert shown(Terminal()) == "".join(f"\rat {second}" for second in range(50)) + "\ndone\n"


def test_a_training_run_tells_a_log_file_how_far_it_is(config, tmp_path):
    """In a process of its own, its stderr a file."""
    log = tmp_path / "log"
    fields = {name: getattr(config, name) for name in config.__dataclass_fields__}
    script = (
        "import json, sys; from aerie_train.config import RunConfig; from aerie_train.training import train; "
        "train(RunConfig(**json.loads(sys.argv[1])))"
    )
    with open(log, "w") as file:
        subprocess.run(
            [sys.executable, "-c", script, json.dumps(fields)], stderr=file, check=True, cwd=Path(__file__).parents[1]
        )
    text = log.read_text()
    assert "\r" not in text
    first, *others = text.splitlines()
    assert "% step 1 loss " in first and "tokens/s" in first
    assert json.loads(others[-1])["tokens"] >= config.tokens
