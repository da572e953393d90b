"""Writes the learning rates that PyTorch's schedulers give, for the tests of
crates/train/src/config/: one_cycle.golden and plateau.golden.

python tests/python/schedules.py
"""

import math
import random
import warnings
from pathlib import Path

import torch
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

CONFIG = Path(__file__).parents[2] / "crates/train/src/config"


def sgd(rate, momentum=0.0):
    parameter = torch.nn.Parameter(torch.zeros(1))
    return torch.optim.SGD([parameter], lr=rate, momentum=momentum)


def rust(value):
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def fields(name, values):
    body = ", ".join(f"{field}: {rust(value)}" for field, value in values.items())
    rest = ", " if body else ""
    return f"{name} {{ {body}{rest}..{name}::default() }}"


def one_cycle(total, **settings):
    optimizer = sgd(1.0, 0.9)
    schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=total, **settings)
    steps = []
    for step in range(total):
        group = optimizer.param_groups[0]
        if total < 20 or step % 7 == 0 or step == total - 1:
            steps.append((step, group["lr"], group["momentum"]))
        optimizer.step()
        if step < total - 1:
            schedule.step()
    rows = ", ".join(f"({step}, {rate!r}, {momentum!r})" for step, rate, momentum in steps)
    return f"    ({fields('OneCycle', settings)}, {total}, &[{rows}]),\n"


def plateau(metric, rate, values, **settings):
    optimizer = sgd(rate)
    names = dict(settings)
    if "min_fraction" in names:
        names["min_lr"] = rate * names.pop("min_fraction")
    mode = "min" if metric == "ValLoss" else "max"
    schedule = ReduceLROnPlateau(optimizer, mode=mode, **names)
    rows = []
    for value in values:
        schedule.step(value)
        rows.append(f"({value!r}, {optimizer.param_groups[0]['lr']!r})")
    config = fields("Plateau", settings)
    return f"    ({config}, Monitor::{metric}, {rate!r}, &[{', '.join(rows)}]),\n"


def main():
    warnings.simplefilter("ignore")
    draw = random.Random(0)
    falling = [round(math.exp(-epoch / 6) + 0.1 * draw.random(), 4) for epoch in range(40)]
    rising = [round(0.9 - value / 2, 4) for value in falling]
    slow = [round(1 - 0.004 * epoch, 4) for epoch in range(20)]
    cases = (
        one_cycle(100),
        one_cycle(7, pct_start=0.5, div_factor=10.0, final_div_factor=100.0),
        one_cycle(57, pct_start=0.21, base_momentum=0.8, max_momentum=0.9),
    )
    (CONFIG / "one_cycle.golden").write_text("[\n" + "".join(cases) + "]\n")
    cases = (
        plateau("ValLoss", 0.1, falling, patience=2),
        plateau("ValTop1", 0.05, rising, factor=0.5, patience=1, cooldown=3),
        plateau("ValLoss", 0.1, slow, factor=0.3, patience=1, threshold=0.01, min_fraction=0.02),
        plateau("ValMeanRecall", 1e-6, [0.5] * 9, patience=0),
    )
    (CONFIG / "plateau.golden").write_text("[\n" + "".join(cases) + "]\n")


main()
