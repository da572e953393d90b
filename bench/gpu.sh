#!/usr/bin/env bash
# Measures a machine with a GPU and writes one table; `bench/gpu.sh --help` has the settings. The work is in gpu.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/gpu.py" "$@"
