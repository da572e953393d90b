"""Writes three steps of PyTorch's optimizers for the tests of crates/train/src/optimizer/mod.rs:
pytorch.golden. Lion is timm's.

python tests/python/optimizers.py
"""

import math
from pathlib import Path

import numpy
import torch
from timm.optim import Lion

OUT = Path(__file__).parents[2] / "crates/train/src/optimizer/pytorch.golden"
STEPS = 3


def values(seed):
    return [math.sin(seed + place) for place in range(6)]


def run(toml, build, momenta=None, name="betas"):
    """Six values: four of a matrix, two of a bias, which has no weight decay."""
    start = torch.tensor(values(1), dtype=torch.float32)
    matrix = torch.nn.Parameter(start[:4].clone())
    bias = torch.nn.Parameter(start[4:].clone())
    optimizer = build([{"params": [matrix]}, {"params": [bias], "weight_decay": 0.0}])
    for step in range(STEPS):
        gradient = torch.tensor(values(10 * (step + 1)), dtype=torch.float32)
        matrix.grad, bias.grad = gradient[:4].clone(), gradient[4:].clone()
        for group in optimizer.param_groups:
            if momenta and name == "betas":
                group["betas"] = (momenta[step], group["betas"][1])
            elif momenta:
                group["momentum"] = momenta[step]
        optimizer.step()
    after = [*matrix.tolist(), *bias.tolist()]
    given = f"Some({momenta})" if momenta else "None"
    # The shortest decimals that give these 32-bit floats.
    row = ", ".join(str(numpy.float32(value)) for value in after)
    return f'    ("{toml}", {given}, [{row}]),\n'


def main():
    sgd, adamw, rmsprop = torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop
    nesterov = "kind = 'sgd'\\nlearning_rate = 0.1\\nmomentum = 0.9\\nweight_decay = 0.2"
    heavy_ball = nesterov + "\\nnesterov = false"
    adam = "kind = 'adamw'\\nlearning_rate = 0.1\\nweight_decay = 0.2"
    lion = "kind = 'lion'\\nlearning_rate = 0.1\\nweight_decay = 0.2"
    root = "kind = 'rmsprop'\\nlearning_rate = 0.01\\nweight_decay = 0.2"
    rows = [
        run(nesterov, lambda p: sgd(p, 0.1, 0.9, weight_decay=0.2, nesterov=True)),
        run(heavy_ball, lambda p: sgd(p, 0.1, 0.9, weight_decay=0.2)),
        run(
            nesterov,
            lambda p: sgd(p, 0.1, 0.9, weight_decay=0.2, nesterov=True),
            [0.95, 0.9, 0.8],
            "momentum",
        ),
        run(adam, lambda p: adamw(p, 0.1, eps=1e-5, weight_decay=0.2)),
        run(adam, lambda p: adamw(p, 0.1, eps=1e-5, weight_decay=0.2), [0.95, 0.9, 0.8]),
        run(lion, lambda p: Lion(p, 0.1, (0.9, 0.99), weight_decay=0.2, foreach=False)),
        run(root, lambda p: rmsprop(p, 0.01, 0.99, momentum=0.9, weight_decay=0.2)),
    ]
    OUT.write_text("[\n" + "".join(rows) + "]\n")


main()
