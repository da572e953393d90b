"""The table of bench/gpu.sh, in Markdown, from its lines of JSON."""

import argparse
import json
from pathlib import Path

# Multiply-adds per image of the networks that `receptive networks` does not have (README.md): those of their
# convolutions and dense layers. Those of the others come from `receptive networks`.
MACS = {
    "fashion": 28 * 28 * 32 * 9 + 14 * 14 * 64 * 32 * 9 + 64 * 7 * 7 * 128 + 128 * 10,
    "photo": 427 * 640 * 32 * 3 * 9,
}
# In forward passes: the backward pass takes two.
PASSES = {"train": 3, "infer": 1}
TITLES = {"train": "Training", "infer": "Inference"}
COLUMNS = {"plain": "without `autotune`", "autotune": "with `autotune`"}


def bound(what, macs, peak_tflops):
    """Images/s at the card's peak; a multiply-add is two operations."""
    return peak_tflops * 1e12 / (2 * PASSES[what] * macs)


def table(head, rows):
    for row in [head, ["---"] * len(head), *rows]:
        print("| " + " | ".join(row) + " |")


def speed(line):
    """The cell of a measurement."""
    if line is None:
        return ""
    if "failed" in line:
        # Exit code 2: the program rejects the setting.
        is_rejected = line["code"] == 2 and "precision" in line["said"]
        return "-" if is_rejected else "failed"
    return f"{line['result']['images_per_s']:,.0f}"


def value(line):
    return line["result"]["images_per_s"] if line and "result" in line else None


def ratio(one, other):
    return f"{one / other:.2f}" if one and other else ""


class Results:
    def __init__(self, path):
        self.lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
        self.macs = dict(MACS)
        for line in self.of("network"):
            if "result" in line:
                self.macs[line["network"]] = line["result"][0]["macs"]

    def of(self, kind):
        return [line for line in self.lines if line["kind"] == kind]

    def programs(self):
        known = {line.get("program") for line in self.lines}
        return [build for build in COLUMNS if build in known]

    def fastest_torch(self, what, network, batch, precision):
        """PyTorch's fastest measurement in this precision; in f32 if PyTorch was not timed in it."""
        peers = [line for line in self.of(what) if line["program"] == "PyTorch" and value(line)]
        peers = [line for line in peers if (line["network"], line["batch"]) == (network, batch)]
        for wanted in (precision, "f32"):
            same = [line for line in peers if line["precision"] == wanted]
            if same:
                return max(same, key=value)
        return None


def print_speeds(results, what, peak_tflops):
    own = [line for line in results.of(what) if line["program"] in COLUMNS]
    if not own:
        return
    builds = results.programs()
    head = ["network, batch", "backend, precision", *(COLUMNS[build] for build in builds)]
    head += ["gain"] if len(builds) > 1 else []
    head += ["PyTorch's fastest", "ratio to PyTorch"]
    head += ["bound", "share of the bound"] if peak_tflops else []
    by_key = {}
    for line in own:
        key = (line["network"], line["batch"], line["backend"], line["precision"])
        by_key.setdefault(key, {})[line["program"]] = line
    rows = []
    for (network, batch, backend, precision), lines in by_key.items():
        speeds = [value(lines.get(build)) for build in builds]
        last = next((one for one in reversed(speeds) if one), None)
        row = [f"{network}, {batch}", f"{backend}, {precision}", *(speed(lines.get(build)) for build in builds)]
        row += [ratio(speeds[-1], speeds[0])] if len(builds) > 1 else []
        torch = results.fastest_torch(what, network, batch, precision)
        row += [f"{speed(torch)} ({torch['mode']}, {torch['precision']})" if torch else "", ratio(last, value(torch))]
        if peak_tflops:
            # The peak is that of 32-bit floats.
            macs = results.macs.get(network) if precision == "f32" else None
            most = bound(what, macs, peak_tflops) if macs else None
            row += [f"{most:,.0f}" if most else "", f"{100 * last / most:.1f} %" if most and last else ""]
        rows.append(row)
    subjects = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: subjects.index(row[0]))
    print(f"\n{TITLES[what]}, images/s:\n")
    table(head, rows)


def print_torch(results, what):
    lines = [line for line in results.of(what) if line["program"] == "PyTorch"]
    columns = list(dict.fromkeys((line["mode"], line["precision"]) for line in lines))
    if not columns:
        return
    cells = {(line["network"], line["batch"], line["mode"], line["precision"]): line for line in lines}
    subjects = list(dict.fromkeys((line["network"], line["batch"]) for line in lines))
    print(f"\n{TITLES[what]} in PyTorch, images/s:\n")
    head = ["network, batch", *(f"{mode}, {precision}" for mode, precision in columns)]
    rows = [
        [f"{network}, {batch}", *(speed(cells.get((network, batch, *column))) for column in columns)]
        for network, batch in subjects
    ]
    table(head, rows)


def print_operations(results):
    """Where a step goes: for each network and backend its largest batch in the last build."""
    chosen = {}
    for line in results.of("train"):
        if line["program"] in COLUMNS and line["precision"] == "f32" and line.get("result", {}).get("operations"):
            chosen[line["network"], line["backend"]] = line
    for (network, backend), line in chosen.items():
        operations = line["result"]["operations"]
        total = sum(one["ms"] for one in operations)
        build = COLUMNS[line["program"]]
        print(f"\nA training step of {network}, batch {line['batch']}, on {backend} {build}, in milliseconds:\n")
        rows = [
            [one["name"], str(one.get("layers", "")), f"{one['ms']:.2f}", f"{100 * one['ms'] / total:.1f} %"]
            for one in operations
        ]
        table(["operation", "layers", "ms", "share"], rows)


def print_training(results):
    rows = []
    for line in results.of("training"):
        one = line.get("result") or {}
        top1, rate = one.get("test_top1"), one.get("images_per_second")
        rows.append(
            [
                f"{line['backend']}, {line['precision']}",
                COLUMNS[line["program"]],
                f"{100 * top1:.2f} %" if top1 is not None else speed(line) if "failed" in line else "",
                f"{rate:,.0f}" if rate else "",
                (one.get("weights_sha256") or "")[:12],
            ]
        )
    if rows:
        print("\nTraining on fashion-mini:\n")
        table(["backend, precision", "build", "test top-1", "images/s", "weights"], rows)


def print_failures(results):
    """What was not measured, each reason once."""
    reasons = {}
    for line in results.lines:
        if "failed" in line:
            said = f": {line['said']}" if line.get("said") else ""
            parts = [str(part) for name, part in line.items() if name not in ("failed", "said", "code")]
            reasons.setdefault(line["failed"] + said, []).append(" ".join(parts))
    if reasons:
        print("\nNot measured (log.txt):\n")
    for reason, names in reasons.items():
        print(f"* {'; '.join(names)}: {reason}")


def print_all(path, peak_tflops):
    """The tables of what there is so far."""
    results = Results(path)
    for line in results.of("devices")[-1:]:
        for backend in line.get("result", []):
            if backend["devices"]:
                print(f"{backend['name']}: {', '.join(backend['devices'])}")
    for what in TITLES:
        print_speeds(results, what, peak_tflops)
    if peak_tflops:
        print(
            f"\nThe bound is that of {peak_tflops:g} TFLOP/s in 32-bit floats: two operations per multiply-add, and "
            "for training three forward passes. Winograd convolution and TF32, PyTorch's default for convolutions, may "
            "exceed it."
        )
    for what in TITLES:
        print_torch(results, what)
    print_operations(results)
    print_training(results)
    parities = results.of("parity")
    if parities:
        print("\nParity with flex:\n")
        results_of = [line.get("result") or f"FAILED, {line['failed']}" for line in parities]
        rows = [[line["backend"], COLUMNS[line["program"]], result] for line, result in zip(parities, results_of)]
        table(["backend", "build", "result"], rows)
        print("\nThe suite's tolerances are for IEEE arithmetic: where 32-bit floats are computed as TF32, it fails by 1e-3.")
    print_failures(results)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", help="results.jsonl")
    parser.add_argument("--peak-tflops", type=float, help="the card's, in 32-bit floats")
    of = parser.parse_args()
    print_all(of.results, of.peak_tflops)


if __name__ == "__main__":
    main()
