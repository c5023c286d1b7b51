#!/bin/sh
# Checks the CUDA library on a machine with a GPU, nvcc, Python and CMake: docs/gpu_check.md.
exec python3 "$(dirname "$0")/gpu_check/check.py" "$@"
