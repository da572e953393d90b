"""Images changed by torchvision, for crates/data/src/augment/torchvision.rs.

    python tests/python/augment_values.py > crates/data/src/augment/torchvision.json

Operations on Pillow images where torchvision leaves them to Pillow, and on tensors of bytes where Pillow's way
is coarser (hue) or there is none (blur). The images come from a formula, and of the answers every 13th value is
stored: row by row, the channels of a pixel side by side.
"""

import json
import math

import numpy
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F
from torchvision.transforms.v2 import CutMix, MixUp
from torchvision.transforms.v2._auto_augment import RandAugment, TrivialAugmentWide

WIDTH, HEIGHT = 33, 25
BINS = 31
STRIDE = 13


def image(channels):
    """Smooth slopes in a chequerboard with sharp edges, not using the whole range."""
    x, y, c = numpy.meshgrid(range(WIDTH), range(HEIGHT), range(channels))
    slope = (x * 5 + y * 3 + c * 40) % 256
    rough = (x * x * 3 + y * 7 * (c + 1)) % 256
    values = numpy.where((x // 5 + y // 4) % 2 == 0, slope, rough)
    return (20 + values * 200 // 255).astype(numpy.uint8)


def pillow(change):
    def changed(values):
        mode = Image.fromarray(values.squeeze(2) if values.shape[2] == 1 else values)
        return numpy.asarray(change(mode))

    return changed


def tensor(change):
    def changed(values):
        return change(torch.from_numpy(values).permute(2, 0, 1)).permute(1, 2, 0).numpy()

    return changed


def operation(name, magnitude):
    """As RandAugment and TrivialAugment call it."""
    policy = RandAugment(interpolation=InterpolationMode.BILINEAR, fill=0)
    return pillow(
        lambda image: policy._apply_image_or_video_transform(
            image, name, magnitude, InterpolationMode.BILINEAR, {torch.Tensor: 0, Image.Image: 0}
        )
    )


# The change as the Rust test reads it, torchvision's, and the largest difference of a value.
CASES = []
for name, magnitudes in {
    "Brightness": [0.9, -0.35],
    "Color": [0.9, -0.35],
    "Contrast": [0.9, -0.35],
    "Sharpness": [0.9, -0.35],
    "Posterize": [3],
    "Solarize": [0.4],
    "AutoContrast": [None],
    "Equalize": [None],
    "ShearX": [0.3, -0.21],
    "ShearY": [0.21],
    "TranslateX": [7.0],
    "TranslateY": [-4.0],
    "Rotate": [30.0, -12.0],
}.items():
    moves = name.startswith(("Shear", "Translate", "Rotate"))
    for magnitude in magnitudes:
        ours = {"Solarize": lambda: 255.0 * magnitude}.get(name, lambda: magnitude)()
        ours = name if magnitude is None else {name: ours}
        CASES.append(({"operation": ours}, operation(name, magnitude or 0.0), 1 if moves else 0))
CASES += [
    ("invert", pillow(F.invert), 0),
    ("grayscale", pillow(lambda i: F.rgb_to_grayscale(i, len(i.getbands()))), 0),
    ("flip", pillow(F.horizontal_flip), 0),
    ("verticalflip", pillow(F.vertical_flip), 0),
    ({"hue": 0.1}, tensor(lambda i: F.adjust_hue(i, 0.1)), 1),
    ({"hue": -0.4}, tensor(lambda i: F.adjust_hue(i, -0.4)), 1),
    ({"blur": [9, 1.3]}, tensor(lambda i: F.gaussian_blur(i, [9, 9], [1.3, 1.3])), 1),
    ({"blur": [5, 0.4]}, tensor(lambda i: F.gaussian_blur(i, [5, 5], [0.4, 0.4])), 1),
]
for left, top, width, height in [(3, 2, 24, 20), (17, 0, 11, 25), (0, 12, 33, 9)]:
    CASES.append(
        (
            {"crop": [left, top, width, height]},
            pillow(
                lambda i, box=(top, left, height, width): F.resized_crop(
                    i, *box, [HEIGHT, WIDTH], InterpolationMode.BILINEAR
                )
            ),
            1,
        )
    )
for degrees, translate, scale, shear in [(10, (3, -2), 1.2, 8), (-35, (0, 5), 0.7, -20)]:
    CASES.append(
        (
            {"affine": [degrees, *translate, scale, shear]},
            pillow(
                lambda i, a=(degrees, translate, scale, shear): F.affine(
                    i, a[0], list(a[1]), a[2], [a[3], 0.0], InterpolationMode.BILINEAR, fill=0
                )
            ),
            1,
        )
    )

answers = []
for change, changed, tolerance in CASES:
    for channels in (3, 1):
        values = changed(image(channels)).reshape(-1)
        answers.append(
            {
                "change": change,
                "channels": channels,
                "tolerance": tolerance,
                "values": values[::STRIDE].tolist(),
            }
        )


def space(policy):
    """The magnitudes of each operation, from none to the largest."""
    found = {}
    for name, (magnitudes, _) in policy._AUGMENTATION_SPACE.items():
        values = magnitudes(BINS, HEIGHT, WIDTH)
        found[name] = values.tolist() if values is not None else []
    return found


# As MixUp and CutMix call it: a part of each image is its own, the rest the preceding one's.
OWN, SHAPE, BOX = 0.3, (3, 2, 4, 5), (1, 0, 4, 3)  # left, top, right, bottom
images = torch.arange(math.prod(SHAPE), dtype=torch.float32).reshape(SHAPE) ** 2 % 17
labels = torch.tensor([2, 0, 1])
mixes = {}
for mix, parameters in [
    (MixUp(num_classes=3), {"lam": OWN}),
    (CutMix(num_classes=3), {"box": BOX, "lam_adjusted": OWN}),
]:
    parameters |= {"labels": labels, "batch_size": len(labels)}
    parts = [mix.transform(part, parameters) for part in (images, labels)]
    mixes[type(mix).__name__] = [part.reshape(-1).tolist() for part in parts]

answers = ",\n".join(json.dumps(answer, separators=(",", ":")) for answer in answers)
spaces = json.dumps({"rand": space(RandAugment), "trivial": space(TrivialAugmentWide)})
print(f'{{"changes":[\n{answers}\n],\n"spaces":{spaces},\n"mixes":{json.dumps(mixes)}}}')
