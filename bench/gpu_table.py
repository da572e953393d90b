"""The table of bench/gpu.sh, in Markdown, from its lines of JSON."""

import json
import sys
from pathlib import Path


def named(result):
    """The column of a measurement."""
    is_ours = result["peer"].startswith("receptive")
    name = result["mode"] if is_ours else f"PyTorch {result['mode']}"
    return f"{name} {result['precision']}"


def rows(cells):
    for row in cells:
        print("| " + " | ".join(row) + " |")


results = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
timed = [result for result in results if "images_per_s" in result]
columns = list(dict.fromkeys(named(result) for result in timed))
subjects = list(dict.fromkeys((result["network"], result["batch"]) for result in timed))
speeds = {(r["network"], r["batch"], named(r)): r["images_per_s"] for r in timed}

print("Training images/s:\n")
rows([["", *(f"{network}, {batch}" for network, batch in subjects)], ["---"] * (len(subjects) + 1)])
for column in columns:
    values = [speeds.get((*subject, column)) for subject in subjects]
    rows([[column, *("" if value is None else f"{value:,.0f}" for value in values)]])

peers = [column for column in columns if column.startswith("PyTorch")]
if peers:
    print("\nRatio to PyTorch's fastest mode of the same precision (of 32 bits where it has none):\n")
    rows([["", *(f"{network}, {batch}" for network, batch in subjects)], ["---"] * (len(subjects) + 1)])
    for column in columns:
        if column in peers:
            continue
        precision = column.rsplit(" ", 1)[1]
        same = [peer for peer in peers if peer.endswith(f" {precision}")]
        same = same or [peer for peer in peers if peer.endswith(" f32")]
        cells = []
        for subject in subjects:
            own = speeds.get((*subject, column))
            best = max((speeds.get((*subject, peer)) or 0 for peer in same), default=0)
            cells.append(f"{own / best:.2f}" if own and best else "")
        rows([[column, *cells]])

trained = [result for result in results if "training" in result]
if trained:
    print("\nTraining on fashion-mini:\n")
    rows([["", "test top-1", "images/s", "weights"], ["---"] * 4])
    for one in trained:
        result = one["result"]
        rows(
            [
                [
                    f"{one['training']} {one['precision']}",
                    f"{100 * result['test_top1']:.2f} %",
                    f"{result['images_per_second']:,.0f}",
                    (result["weights_sha256"] or "")[:12],
                ]
            ]
        )

for result in results:
    if "parity" in result:
        print(f"\nParity with flex: {'passed' if result['parity'] else 'FAILED'} (parity.txt)")
failed = [result["failed"] for result in results if "failed" in result]
if failed:
    print("\nNot measured (log.txt): " + "; ".join(failed))
