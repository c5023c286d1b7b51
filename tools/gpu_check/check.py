"""Checks the CUDA library on a machine with a GPU, step by step: docs/gpu_check.md.

Each step is a process with a time limit, whose result is kept in a state file: a second run does what is left. The last
thing printed is a table; the state file is the same as JSON.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from steps import ROOT, STEPS, Check, Failed, Skipped
from table import table_of

def key_of(check):
    """Changes with the sources, the bundle and the kind of device: results of others are not kept."""
    key = hashlib.sha256(str(check.device).encode())
    folders = ("kernels", "tools", "tests/kernels/native", "tests/kernels/sim")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [Path(check.bundle)] if check.bundle and Path(check.bundle).exists() else []
    for path in sorted(files):
        if "__pycache__" not in path.parts:
            key.update(str(path).encode() + path.read_bytes())
    return key.hexdigest()


def main():
    options = parse()
    check = Check(options)
    check.work.mkdir(parents=True, exist_ok=True)
    state_path = Path(options.state)
    state_path.parent.mkdir(parents=True, exist_ok=True)
    state = json.loads(state_path.read_text()) if state_path.exists() and not options.fresh else {}
    key = key_of(check)
    if state.get("key") != key:
        state = {"key": key, "steps": {}}
    for name in options.only or STEPS:
        # What failed is tried again. CMake knows what is built: the state may come from another machine.
        is_done = state["steps"].get(name, {}).get("status") in ("passed", "skipped")
        if is_done and not name.startswith("build_"):
            continue
        if time.monotonic() > check.deadline - 5:
            break
        print(f"{name}: {getattr(Check, name).__doc__.rstrip('.')}", flush=True)
        begun = time.monotonic()
        step = {"status": "passed"}
        try:
            step["result"] = getattr(check, name)()
        except Skipped as reason:
            step = {"status": "skipped", "reason": str(reason)}
        except subprocess.TimeoutExpired:
            step = {"status": "unfinished", "reason": "the time was up"}
        except (Failed, OSError, ValueError) as reason:
            step = {"status": "failed", "reason": str(reason)}
        step["seconds"] = round(time.monotonic() - begun, 1)
        state["steps"][name] = step
        state_path.write_text(json.dumps(state, indent=1) + "\n")
        if step["status"] != "passed":
            print(f"{step['status']}: {step['reason']}", flush=True)
        if step["status"] == "failed" and name.startswith("build_"):
            break
    print(table_of(state["steps"], STEPS))
    statuses = [state["steps"].get(name, {}).get("status", "unfinished") for name in options.only or STEPS]
    sys.exit(1 if "failed" in statuses else 3 if "unfinished" in statuses else 0)


def parse():
    out = os.environ.get("OUT")
    work = ROOT / "build" / "gpu-check"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sim", action="store_true", help="rehearse on the simulator, with tiny shapes")
    parser.add_argument("--bundle", default=str(work / "bundle.tar.xz"), help="traces of deno task gpu-check:record")
    state = Path(out or work) / "gpu_check.json"
    parser.add_argument("--state", default=str(state), help="results so far, and of this run")
    parser.add_argument("--work", default=str(work), help="folder of what is built and unpacked")
    parser.add_argument("--library-build", help="CMake's folder of the library, if there is one")
    parser.add_argument("--minutes", type=float, default=9, help="no step runs longer than this from the start")
    parser.add_argument("--fresh", action="store_true", help="do all steps again")
    parser.add_argument("--only", nargs="+", choices=STEPS, help="steps to do")
    return parser.parse_args()


if __name__ == "__main__":
    main()
