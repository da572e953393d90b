"""Times PyTorch on the networks of README.md and prints one line of JSON, as `receptive bench` does."""

import argparse
import json
import resource
import statistics
import time

import torch
import torch.nn.functional as F

from networks import chosen, stages

WARM_UP = 3

parser = argparse.ArgumentParser()
parser.add_argument("network")
parser.add_argument("--infer", action="store_true")
parser.add_argument("--erf", choices=["last", "all"], help="the gradient of a unit of the last layer with maps, or of all")
parser.add_argument("--batch", type=int)
parser.add_argument("--size", type=int)
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--mode", choices=["eager", "channels_last", "compile"], default="eager")
parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 [default: %(default)s]")
parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="bf16 is torch.autocast")
parser.add_argument("--resident", action="store_true", help="do not upload the batch to a GPU in each training step")
arguments = parser.parse_args()
device = torch.device(arguments.device)
if device.type == "cuda" and not torch.cuda.is_available():
    parser.error("--device cuda: this PyTorch finds no GPU; use one with CUDA, or leave --device out")
if arguments.resident and (device.type == "cpu" or arguments.infer or arguments.erf):
    parser.error("--resident applies to training on a GPU")

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
network, shape, usual = chosen(arguments.network, arguments.size)
if arguments.erf:
    usual = 1
batch = arguments.batch or usual
images = torch.randn(batch, *shape)
labels = torch.arange(batch) % 10
if arguments.mode == "channels_last":
    network = network.to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
network = network.to(device)
run = torch.compile(network) if arguments.mode == "compile" else network
what = "infer" if arguments.infer or arguments.network == "photo" else "train"
if arguments.network == "erf" or arguments.erf:
    what = "erf"
    fields = stages(network)
    if arguments.erf != "all":
        fields = fields[-1:]
    if arguments.mode == "compile":
        torch._dynamo.config.recompile_limit = 2 * len(fields)
        fields = [torch.compile(seen) for seen in fields]
optimizer = torch.optim.Adam(network.parameters(), 1e-3)
field = torch.zeros(shape[1:], device=device)
# As in `receptive bench`: a training step begins with a batch in the machine's memory, inference on the card.
uploads = what == "train" and device.type != "cpu" and not arguments.resident
if uploads:
    images, labels = images.pin_memory(), labels.pin_memory()
else:
    images, labels = images.to(device), labels.to(device)


def half():
    return torch.autocast(device.type, torch.bfloat16, enabled=arguments.precision == "bf16")


def step():
    if what == "infer":
        with torch.inference_mode(), half():
            run(images).float().cpu().numpy()
    elif what == "train":
        optimizer.zero_grad()
        # Copies nothing if they are on the device.
        x, y = (one.to(device, non_blocking=True) for one in (images, labels))
        with half():
            loss = F.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()
        loss.item()
    else:
        for seen in fields:
            noise = torch.randn(batch, *shape, device=device)
            if arguments.mode == "channels_last":
                noise = noise.contiguous(memory_format=torch.channels_last)
            noise.requires_grad_()
            maps = seen(noise)
            maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].sum().backward()
            field.add_(noise.grad.abs().sum((0, 1)))


network.train(what == "train")
# A receptive field needs the gradient with respect to the image alone.
network.requires_grad_(what == "train")
times = []
for number in range(WARM_UP + arguments.steps):
    began = time.perf_counter()
    step()
    if device.type != "cpu":
        torch.cuda.synchronize(device)
    if number >= WARM_UP:
        times.append(time.perf_counter() - began)
median = statistics.median(times)
per_step = len(fields) if what == "erf" else 1
print(
    json.dumps(
        {
            "peer": f"torch {torch.__version__}",
            "network": arguments.network,
            "mode": arguments.mode,
            "batch": batch,
            "threads": arguments.threads,
            "what": what,
            "precision": arguments.precision,
            "uploads": uploads,
            "images_per_s": round(batch * per_step / median, 1),
            "ms_per_step": round(median * 1e3, 2),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    )
)
