"""Values and gradients of single layers by PyTorch, for crates/model/tests/it/pytorch.rs.

    python tests/python/layer_values.py > crates/model/tests/it/layer_values.json

Images, parameters and the factors of the loss come from one small generator, so that only answers are
stored. A parameter has burn's shape: a linear layer's is [inputs, units].
"""

import json

import torch
import torch.nn.functional as F

SHAPE = (2, 4, 5, 6)


class Noise:
    """Values between -1 and 1 that look like noise."""

    def __init__(self, state):
        self.state = state

    def draw(self, *shape):
        values = torch.empty(shape).flatten()
        for i in range(len(values)):
            self.state = (self.state * 1664525 + 1013904223) % 2**32
            values[i] = (self.state >> 8) / 2**23 - 1
        return values.reshape(shape)


def gate(hidden, inner, outer):
    def forward(x, a, a_bias, b, b_bias):
        mean = x.mean((2, 3))
        return x * outer(inner(mean @ a + a_bias) @ b + b_bias)[:, :, None, None]

    return forward, [(4, hidden), (hidden,), (hidden, 4), (4,)]


def rows(forward, shapes):
    """A layer on the means of the maps."""
    return lambda x, *values: forward(x.mean((2, 3)), *values), shapes


def layer_norm(x, gamma, beta):
    return F.layer_norm(x.permute(0, 2, 3, 1), (4,), gamma, beta, 1e-5).permute(0, 3, 1, 2)


pool = {"type": "global_avg_pool2d"}
CASES = {
    "prelu, one slope": ([{"type": "prelu"}], (F.prelu, [(1,)])),
    "prelu, one slope per channel": ([{"type": "prelu", "per_channel": True}], (F.prelu, [(4,)])),
    "channel_slice": (
        [{"type": "channel_slice", "start": 1, "end": 3}],
        (lambda x: x[:, 1:3], []),
    ),
    "channel_shuffle": (
        [{"type": "channel_shuffle", "groups": 2}],
        (torch.nn.ChannelShuffle(2), []),
    ),
    "layer_norm of a map": ([{"type": "layer_norm"}], (layer_norm, [(4,), (4,)])),
    "layer_norm of a row": (
        [pool, {"type": "layer_norm", "epsilon": 1e-2}],
        rows(lambda x, g, b: F.layer_norm(x, (4,), g, b, 1e-2), [(4,), (4,)]),
    ),
    "channel_scale": (
        [{"type": "channel_scale", "initial": 1e-6}],
        (lambda x, s: x * s[:, None, None], [(4,)]),
    ),
    "channel_scale of a row": (
        [pool, {"type": "channel_scale"}],
        rows(lambda x, s: x * s, [(4,)]),
    ),
    "local_response_norm of 3": (
        [{"type": "local_response_norm", "size": 3, "alpha": 0.5, "k": 2.0}],
        (lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2.0), []),
    ),
    "local_response_norm of 4": (
        [{"type": "local_response_norm", "size": 4, "alpha": 2.0, "beta": 0.5}],
        (lambda x: F.local_response_norm(x, 4, 2.0, 0.5, 1.0), []),
    ),
    "global_max_pool2d": ([{"type": "global_max_pool2d"}], (lambda x: x.amax((2, 3)), [])),
}
for size in [[3, 4], [9, 8], [5, 3], [1, 1]]:
    CASES[f"adaptive_avg_pool2d {size}"] = (
        [{"type": "adaptive_avg_pool2d", "size": size}],
        (lambda x, size=size: F.adaptive_avg_pool2d(x, size), []),
    )
for kernel, stride, padding, dilation in [(3, 2, 0, 1), (2, 3, 1, 1), (2, 2, 1, 2), (5, 3, 2, 1)]:
    settings = {"pool_size": kernel, "strides": stride, "padding": padding}
    settings |= {"dilation": dilation, "ceil_mode": True}
    CASES[f"max_pool2d, ceil, {kernel} {stride} {padding} {dilation}"] = (
        [{"type": "max_pool2d"} | settings],
        (
            lambda x, a=(kernel, stride, padding, dilation): F.max_pool2d(x, *a, ceil_mode=True),
            [],
        ),
    )
for kernel, stride, padding in [(3, 2, 1), (2, 3, 1), (4, 3, 2), (3, 1, 1)]:
    for ceil in [False, True]:
        for counted in [False, True]:
            settings = {"pool_size": kernel, "strides": stride, "padding": padding}
            settings |= {"ceil_mode": ceil, "count_include_pad": counted}
            CASES[f"avg_pool2d {kernel} {stride} {padding}, ceil {ceil}, counted {counted}"] = (
                [{"type": "avg_pool2d"} | settings],
                (
                    lambda x, a=(kernel, stride, padding, ceil, counted): F.avg_pool2d(x, *a),
                    [],
                ),
            )
CASES["conv2d, four sides"] = (
    [{"type": "conv2d", "filters": 2, "kernel_size": 3, "strides": 2, "padding": [[0, 1], [2, 0]]}],
    (lambda x, w, b: F.conv2d(F.pad(x, (2, 0, 0, 1)), w, b, 2), [(2, 4, 3, 3), (2,)]),
)
CASES["max_pool2d, four sides"] = (
    [{"type": "max_pool2d", "pool_size": 3, "strides": 2, "padding": [[0, 1], [1, 2]]}],
    (lambda x: F.max_pool2d(F.pad(x, (1, 2, 0, 1), value=-torch.inf), 3, 2), []),
)
CASES["linear without bias"] = (
    [pool, {"type": "linear", "units": 3, "bias": False}],
    rows(lambda x, w: x @ w, [(4, 3)]),
)
CASES["squeeze_excite"] = (
    [{"type": "squeeze_excite", "units": 3}],
    gate(3, F.relu, torch.sigmoid),
)
CASES["squeeze_excite, silu"] = (
    [{"type": "squeeze_excite", "units": 1, "activation": "silu"}],
    gate(1, F.silu, torch.sigmoid),
)
CASES["squeeze_excite, hard_sigmoid"] = (
    [{"type": "squeeze_excite", "units": 2, "gate": "hard_sigmoid"}],
    gate(2, F.relu, F.hardsigmoid),
)


def row(tensor):
    return [float(f"{value:.6g}") for value in tensor.flatten().tolist()]


answers = []
for name, (layers, (forward, shapes)) in CASES.items():
    x = Noise(7).draw(*SHAPE).requires_grad_()
    drawn = Noise(3)
    parameters = [drawn.draw(*shape).requires_grad_() for shape in shapes]
    y = forward(x, *parameters)
    (y * Noise(11).draw(*y.shape)).sum().backward()
    answers.append(
        {
            "name": name,
            "layers": layers,
            "shape": list(y.shape),
            "output": row(y),
            "images": row(x.grad),
            "parameters": [row(parameter.grad) for parameter in parameters],
        }
    )
print("[" + ",\n".join(json.dumps(answer) for answer in answers) + "]")
