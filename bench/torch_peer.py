"""Times PyTorch on the networks of README.md and prints one line of JSON, as `receptive bench` does."""

import argparse
import json
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, filters, norm=False):
    layers = [nn.Conv2d(inputs, filters, 3, padding="same", bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(filters))
    return [*layers, nn.ReLU()]


def fashion():
    return nn.Sequential(
        *conv(1, 32),
        nn.MaxPool2d(2),
        *conv(32, 64),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 49, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def vgg():
    layers, inputs = [], 3
    for filters in (64, 128, 256):
        layers += conv(inputs, filters, True) + conv(filters, filters, True) + [nn.MaxPool2d(2)]
        inputs = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def photo():
    return nn.Sequential(*conv(3, 32), nn.MaxPool2d(2))


def erf():
    return nn.Sequential(*(layer for i in range(20) for layer in conv(32 if i else 3, 32)))


NETWORKS = {
    "fashion": (fashion, (1, 28, 28), 64),
    "vgg": (vgg, (3, 32, 32), 64),
    "photo": (photo, (3, 427, 640), 2),
    "erf": (erf, (3, 128, 128), 1),
}
WARM_UP = 3

parser = argparse.ArgumentParser()
parser.add_argument("network", choices=NETWORKS)
parser.add_argument("--infer", action="store_true")
parser.add_argument("--batch", type=int)
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--mode", choices=["eager", "channels_last", "compile"], default="eager")
arguments = parser.parse_args()

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
make, shape, usual = NETWORKS[arguments.network]
batch = arguments.batch or usual
network, images = make(), torch.randn(batch, *shape)
labels = torch.arange(batch) % 10
if arguments.mode == "channels_last":
    network = network.to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
run = torch.compile(network) if arguments.mode == "compile" else network
what = "infer" if arguments.infer or arguments.network == "photo" else "train"
if arguments.network == "erf":
    what = "erf"
optimizer = torch.optim.Adam(network.parameters(), 1e-3)
field = torch.zeros(shape[1:])


def step():
    if what == "infer":
        with torch.inference_mode():
            run(images).numpy()
    elif what == "train":
        optimizer.zero_grad()
        loss = F.cross_entropy(run(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()
    else:
        noise = torch.randn(batch, *shape).requires_grad_()
        row, column = shape[1] // 2, shape[2] // 2
        run(noise)[:, :, row, column].sum().backward()
        field.add_(noise.grad.abs().sum((0, 1)))


network.train(what == "train")
times = []
for number in range(WARM_UP + arguments.steps):
    began = time.perf_counter()
    step()
    if number >= WARM_UP:
        times.append(time.perf_counter() - began)
median = statistics.median(times)
print(
    json.dumps(
        {
            "peer": f"torch {torch.__version__}",
            "network": arguments.network,
            "mode": arguments.mode,
            "batch": batch,
            "threads": arguments.threads,
            "what": what,
            "images_per_s": round(batch / median, 1),
            "ms_per_step": round(median * 1e3, 2),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    )
)
