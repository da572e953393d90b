"""Times torchvision's ImageFolder and DataLoader on a folder of photographs: decoding, a random resized
crop to 224x224, a flip, perhaps a policy of random changes, to float tensors. `--make` writes such a folder: smooth
random scenes with some noise, 500x375 pixels, as JPEG or WebP of quality 88 or as PNG."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--make", action="store_true")
parser.add_argument("--format", choices=["jpg", "png", "webp"], default="jpg", help="of --make [default: %(default)s]")
parser.add_argument("--images", type=int, default=2000)
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--augment", choices=["none", "randaugment", "trivialaugment"], default="none")
parser.add_argument("--tensors", action="store_true", help="the policy on tensors of bytes, not on images")
arguments = parser.parse_args()

if arguments.make:
    random = np.random.default_rng(0)
    for i in range(arguments.images):
        folder = arguments.folder / f"class{i % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        few = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype="uint8"))
        scene = np.asarray(few.resize((500, 375), Image.BICUBIC), "int16")
        noisy = np.clip(scene + random.integers(-12, 13, scene.shape), 0, 255).astype("uint8")
        # PNG has no quality.
        Image.fromarray(noisy).save(folder / f"{i:05}.{arguments.format}", quality=88)
    raise SystemExit

import torch  # noqa: E402, slow, and not needed above
import torchvision  # noqa: E402
from torchvision.transforms import v2 as transforms  # noqa: E402

if arguments.workers == 0:
    torch.set_num_threads(1)
bilinear = transforms.InterpolationMode.BILINEAR
policy = {
    "none": [],
    "randaugment": [transforms.RandAugment(interpolation=bilinear)],
    "trivialaugment": [transforms.TrivialAugmentWide(interpolation=bilinear)],
}[arguments.augment]
if arguments.tensors:
    policy.insert(0, transforms.PILToTensor())

data = torchvision.datasets.ImageFolder(
    arguments.folder,
    transforms.Compose(
        [
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            *policy,
            transforms.ToImage(),
            transforms.ToDtype(torch.float32, scale=True),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    ),
)
loader = torch.utils.data.DataLoader(
    data,
    arguments.batch,
    shuffle=True,
    num_workers=arguments.workers,
    persistent_workers=arguments.workers > 0,
)
for _ in range(arguments.epochs):
    began = time.perf_counter()
    images = sum(len(labels) for _, labels in loader)
    seconds = time.perf_counter() - began
print(
    json.dumps(
        {
            "peer": f"torchvision {torchvision.__version__}",
            "workers": arguments.workers,
            "images": images,
            "images_per_s": round(images / seconds, 1),
        }
    )
)
