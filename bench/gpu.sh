#!/usr/bin/env bash
# Measures a machine with a GPU: parity with flex, a training run, and training steps beside PyTorch on the same
# card. Writes one table, OUT/table.md, and all it is made of, OUT/results.jsonl.
#
#   bench/gpu.sh [OUT]                        (default target/gpu)
#
# Settings are variables of the environment:
#   BACKENDS    "wgpu vulkan"                 those to measure; each is a Cargo feature too
#   NETWORKS    "fashion vgg resnet18"
#   BATCHES     "64 512"
#   PRECISIONS  "f32 bf16 f16"                what a device does not have is left out of the table
#   STEPS       30                            timed steps of each measurement
#   EPOCHS      3                             of the training run on fashion-mini
#   PYTHON      python3                       an interpreter with torch (and torchvision); none leaves PyTorch out
#   RECEPTIVE   a program built before        else it is built here with the backends and `autotune`
#   PARITY      a parity test built before    else it is built here; "none" leaves parity out
set -uo pipefail
cd "$(dirname "$0")/.."

out=${1:-target/gpu}
backends=${BACKENDS:-wgpu vulkan}
networks=${NETWORKS:-fashion vgg resnet18}
batches=${BATCHES:-64 512}
precisions=${PRECISIONS:-f32 bf16 f16}
steps=${STEPS:-30}
epochs=${EPOCHS:-3}
python=${PYTHON:-python3}
receptive=${RECEPTIVE:-}
parity=${PARITY:-}

mkdir -p "$out"
results=$out/results.jsonl
log=$out/log.txt
: >"$results"
: >"$log"

# Adds a line of JSON that a measurement printed, or why there is none: one that fails must not cost the others.
record() { # NAME COMMAND...
    local name=$1 line
    shift
    echo "== $name: $*" | tee -a "$log" >&2
    if line=$(timeout 1800 "$@" 2>>"$log" | tail -n 1) && [ -n "$line" ]; then
        echo "$line" >>"$results"
    else
        echo "   failed; see $log" >&2
        printf '{"failed": "%s"}\n' "$name" >>"$results"
    fi
}

features=autotune
for backend in $backends; do
    [ "$backend" = flex ] || features+=,$backend
done

if [ -z "$receptive" ]; then
    cargo build --locked -p receptive --features "$features" || exit
    receptive=target/debug/receptive
fi
"$receptive" backends | tee -a "$log"

if [ "$parity" != none ]; then
    if [ -n "$parity" ]; then
        run_parity=("$parity" --nocapture)
    else
        of_tests=${features//,/,receptive-tests/}
        run_parity=(cargo test --locked -p receptive-tests --test parity
            --features "receptive-tests/$of_tests" -- --nocapture)
    fi
    echo "== parity" >&2
    "${run_parity[@]}" >"$out/parity.txt" 2>&1
    printf '{"parity": %s}\n' "$([ $? -eq 0 ] && echo true || echo false)" >>"$results"
fi

for backend in $backends; do
    for precision in $precisions; do
        run_dir=$(mktemp -d "$out/run.XXXXXX")/run
        # What it prints is more than a line.
        if trained=$("$receptive" train fashion-mini --epochs "$epochs" --backend "$backend" \
            --precision "$precision" --run-dir "$run_dir" --tui off --json 2>>"$log"); then
            printf '{"training": "%s", "precision": "%s", "result": %s}\n' \
                "$backend" "$precision" "$(tr -d '\n' <<<"$trained")" >>"$results"
        else
            printf '{"failed": "training on %s in %s"}\n' "$backend" "$precision" >>"$results"
        fi
        rm -rf "$(dirname "$run_dir")"
        for network in $networks; do
            for batch in $batches; do
                record "$network, $batch, $backend, $precision" "$receptive" bench "$network" --batch "$batch" \
                    --steps "$steps" --backend "$backend" --precision "$precision" --json
            done
        done
    done
done

if "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>>"$log"; then
    for precision in f32 bf16; do
        for mode in eager channels_last compile; do
            for network in $networks; do
                for batch in $batches; do
                    record "$network, $batch, PyTorch $mode, $precision" "$python" bench/torch_peer.py "$network" \
                        --batch "$batch" --steps "$steps" --mode "$mode" --device cuda --precision "$precision"
                done
            done
        done
    done
else
    echo "no PyTorch with a GPU: its columns stay empty" | tee -a "$log" >&2
fi

"${PYTHON:-python3}" bench/gpu_table.py "$results" >"$out/table.md"
cat "$out/table.md"
