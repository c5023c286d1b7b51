"""The steps of a check: what each does on the machine, and what is kept of it."""

import base64
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CUDA, CUDA_SIM = 1, 2
# Rows and columns of the weights of Llama-3.1-8B: qkv, o, gate and up, down, lm_head.
LLAMA_WEIGHTS = ((6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (128256, 4096))
ROWS = (1, 8, 32, 64)
GPU_FIELDS = "name,driver_version,memory.total,clocks.max.sm"


class Failed(Exception):
    """A step's check that does not hold; the text is what differs."""


class Skipped(Exception):
    """A step that cannot be done on this machine, and why."""


class Check:
    """The steps, in their order, and what they share."""

    def __init__(self, options):
        self.sim = options.sim
        self.bundle = options.bundle
        self.work = Path(options.work).resolve()
        kind = "sim" if self.sim else "cuda"
        self.programs = self.work / f"programs-{kind}"
        self.library_build = Path(options.library_build or self.work / f"library-{kind}").resolve()
        self.simulator_build = self.library_build if self.sim else self.work / "library-sim"
        self.device = CUDA_SIM if self.sim else CUDA
        self.threads = os.cpu_count() or 1
        self.deadline = time.monotonic() + options.minutes * 60

    @property
    def library(self):
        return self.library_build / ("libaerie_cuda_sim.so" if self.sim else "libaerie_cuda.so")

    @property
    def simulator(self):
        return self.simulator_build / "libaerie_cuda_sim.so"

    def run(self, *command, env=None):
        """Standard output of a command that succeeds; with the time that is left it ends, and what it started."""
        left = max(self.deadline - time.monotonic(), 1)
        command = [str(part) for part in command]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env={**os.environ, **(env or {})}, start_new_session=True, **pipes) as process:
            try:
                out, errors = process.communicate(timeout=left)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode != 0:
            tail = "\n".join((out + errors).strip().splitlines()[-12:])
            raise Failed(f"{' '.join(command[:3])} ended with {process.returncode}\n{tail}")
        return out

    def cmake(self, sources, build, is_sim, *targets):
        flags = [f"-DAERIE_SIM={'ON' if is_sim else 'OFF'}", "-DCMAKE_BUILD_TYPE=Release"]
        self.run("cmake", "-S", ROOT / sources, "-B", build, *flags)
        self.run("cmake", "--build", build, "--parallel", self.threads, *(["--target", *targets] if targets else []))

    # Steps: each returns what is kept of it.

    def machine(self):
        """What the check runs on."""
        found = {"processors": self.threads, "python": sys.version.split()[0], "simulated": self.sim}
        for name, command in {
            "gpu": ["nvidia-smi", f"--query-gpu={GPU_FIELDS}", "--format=csv,noheader"],
            "nvcc": ["nvcc", "--version"],
        }.items():
            if shutil.which(command[0]) and not (self.sim and name == "gpu"):
                found[name] = self.run(*command).strip().splitlines()[-1]
        return found

    def build_library(self):
        """The library by CMake, without Deno."""
        self.cmake("kernels/cuda", self.library_build, self.sim, self.library.stem.removeprefix("lib"))
        return {"bytes": self.library.stat().st_size}

    def build_simulator(self):
        """The simulator's library, which names the op where the device differs."""
        if self.sim:
            return {"bytes": self.simulator.stat().st_size}
        self.cmake("kernels/cuda", self.simulator_build, True, "aerie_cuda_sim")
        return {"bytes": self.simulator.stat().st_size}

    def build_programs(self):
        """The check's own programs."""
        self.cmake("tools/gpu_check", self.programs, self.sim)
        return {}

    def open_library(self):
        """The library in a program that did not know of it when it started, as Deno and Python open it."""
        text = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).aerie_abi_version())"
        return {"abi_version": int(self.run(sys.executable, "-c", text, self.library))}

    def mma_tiles(self):
        """Random tiles on tensor cores against the model, and the recorded ones."""
        sample = json.loads((ROOT / "tests/kernels/sim/mma_sample.json").read_text())
        path = self.work / "mma_sample.bin"
        path.write_bytes(b"".join(base64.b64decode(sample[name]) for name in ("bf16", "f16")))
        return json.loads(self.run(self.programs / "mma_tiles", 700 if self.sim else 1_000_000, path))

    def traces(self):
        """Paths of the bundle's traces for this device's arithmetic, unpacked."""
        if not self.bundle or not Path(self.bundle).exists():
            raise Failed(f"no bundle at {self.bundle}: deno task gpu-check:record makes one")
        folder = self.work / "traces" / hashlib.sha256(Path(self.bundle).read_bytes()).hexdigest()[:16]
        if not folder.exists():
            shutil.rmtree(folder.parent, ignore_errors=True)
            with tarfile.open(self.bundle) as archive:
                archive.extractall(f"{folder}.new", filter="data")
            os.rename(f"{folder}.new", folder)
        architecture = self.architecture()
        return sorted(folder.glob(f"*.{architecture}.trace" if architecture else "*.trace"))

    def player(self):
        return [self.programs / "replay", f"--library={self.library}", f"--device={self.device}"]

    def replay(self):
        """Every trace of the bundle, bit for bit."""
        beside = [f"--beside={self.simulator}", f"--beside-device={CUDA_SIM}"]
        result = {}
        for trace in self.traces():
            # A trace's name says which arithmetic it was recorded with.
            env = {"AERIE_SIM_DEVICE": trace.name.split(".")[-2]}
            out = self.run(*self.player(), *beside, trace, env=env)
            result[trace.name] = out.strip().splitlines()[-1].split(": ", 1)[1]
        if not result:
            raise Skipped(f"the bundle has no trace for {self.architecture()}")
        return result

    def architecture(self):
        """Of tensor cores: sm_80 or sm_90; None where every trace can be played."""
        if self.sim:
            return None
        capability = json.loads(self.run(self.programs / "mma_tiles", 0))["compute_capability"]
        return "sm_80" if capability.startswith("8.") else "sm_90"

    def sanitizer(self):
        """compute-sanitizer over the smallest generation, or the smallest trace."""
        tool = shutil.which("compute-sanitizer")
        if self.sim or not tool:
            raise Skipped("compute-sanitizer is not there")
        traces = self.traces()
        traces = [path for path in traces if path.name.startswith("generation")] or traces
        smallest = min(traces, key=lambda path: path.stat().st_size)
        result = {}
        for name in ("memcheck", "racecheck", "synccheck", "initcheck"):
            out = self.run(tool, "--tool", name, "--error-exitcode", 9, *self.player(), smallest)
            result[name] = next((line for line in out.splitlines() if "SUMMARY" in line), "no summary")
        return result

    def yardsticks(self):
        """Bandwidth of copies, and cuBLASLt's products at the same shapes."""
        products = [] if self.sim else [f"{rows}x{cols}x{n}" for rows, cols in LLAMA_WEIGHTS for n in ROWS]
        num_bytes = 1 << 20 if self.sim else 1 << 30
        return json.loads(self.run(self.programs / "yardsticks", num_bytes, self.cublaslt(), *products))

    def cublaslt(self):
        """Path of libcublasLt: of the toolkit, of a package, or "none"."""
        if self.sim:
            return "none"
        folders = ["/usr/local/cuda*/lib64", "/usr/local/cuda*/targets/*/lib", "/usr/lib/*-linux-gnu"]
        folders += [f"{folder}/nvidia/*/lib" for folder in sys.path if folder]
        found = sorted(path for folder in folders for path in glob.glob(f"{folder}/libcublasLt.so*"))
        return found[-1] if found else "libcublasLt.so"

    def rates(self, what):
        shape = "tiny" if self.sim else "llama-3.1-8b"
        out = self.run(self.programs / "rates", self.library, self.device, what, shape, min(self.threads, 32))
        return [json.loads(line) for line in out.splitlines()]

    def kernels(self):
        """Each kernel at the shapes of Llama-3.1-8B."""
        return self.rates("kernels")

    def forwards(self):
        """Whole forwards of such a model of random weights, with graphs and without."""
        return self.rates("forward")


STEPS = (
    "machine",
    "build_library",
    "build_simulator",
    "build_programs",
    "open_library",
    "mma_tiles",
    "replay",
    "sanitizer",
    "yardsticks",
    "kernels",
    "forwards",
)
