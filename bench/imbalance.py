"""Classes of very different sizes, 2 to 1,000 of them: mean recall with and without `--balance`.

    python bench/imbalance.py FONTS --receptive target/debug/receptive --classes 2 10 100 1000 --seeds 0 1 2

Needs numpy, Pillow, and fonts with Chinese characters under the directory FONTS (the published figures: the files
of the Debian packages fonts-arphic-*, fonts-ipafont-*, fonts-noto-cjk, fonts-vlgothic and fonts-wqy-*).

2 and 10 classes are Fashion-MNIST's (/usr/share/datasets/fashion-mnist; T-shirt and shirt, which are mixed up most,
and all ten). More are Chinese characters that all these fonts have, each image a random font, size, place and
angle. Images of a class fall geometrically from the first class to the last, by 50 to 1. The test split has as
many of each class, so that top-1 there is the mean recall. Each result is a line of JSON; the means stand at
the end.
"""

import argparse
import gzip
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FASHION = Path("/usr/share/datasets/fashion-mnist")
# Of how many classes: images of the largest and the smallest class, and test images of each.
SIZES = {2: (3000, 60, 1000), 10: (3000, 60, 500), 100: (150, 3, 20), 1000: (50, 1, 5)}


def images_of(classes):
    """Training images of each class."""
    most, least, _ = SIZES[classes]
    ratio = (least / most) ** (1 / (classes - 1))
    return [max(round(most * ratio**at), least) for at in range(classes)]


def fashion(classes, out):
    wanted = [0, 6] if classes == 2 else list(range(10))
    for split, name in [("train", "train"), ("test", "t10k")]:
        with gzip.open(FASHION / f"{name}-images-idx3-ubyte.gz") as file:
            pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
        with gzip.open(FASHION / f"{name}-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8)
        for at, (label, count) in enumerate(zip(wanted, images_of(classes))):
            count = count if split == "train" else SIZES[classes][2]
            folder = out / split / f"{at:04}"
            folder.mkdir(parents=True)
            for i, image in enumerate(pixels[labels == label][:count]):
                Image.fromarray(image).save(folder / f"{i:04}.png")


def common_characters(classes):
    """Characters that the main lists of China, Taiwan and Japan share, spread over them all."""

    def is_common(character):
        try:
            lists = [character.encode(list_) for list_ in ("gb2312", "big5", "shift_jis")]
        except UnicodeEncodeError:
            return False
        # The more frequent half of each list.
        return lists[0] < b"\xd8" and lists[1] < b"\xc9" and lists[2] < b"\x98\x9f"

    found = [chr(code) for code in range(0x4E00, 0x9FA6) if is_common(chr(code))]
    return [found[at * len(found) // classes] for at in range(classes)]


def has_characters(path):
    """Whether a font draws a common character, rather than the box of one that it lacks."""
    font = ImageFont.truetype(path, 22)
    boxed, drawn = (bytes(font.getmask(character)) for character in ("\uffff", "\u4e00"))
    return boxed != drawn and bytes(font.getmask("\u4eba")) not in (boxed, drawn)


def characters(classes, fonts, out, draw):
    files = sorted(path for path in fonts.rglob("*") if path.suffix in (".ttf", ".ttc", ".otf"))
    files = [path for path in files if has_characters(path)]
    faces = [ImageFont.truetype(path, size) for path in files for size in (22, 25, 28)]
    if not faces:
        sys.exit(f"{fonts} has no fonts (.ttf, .ttc, .otf)")
    for at, (character, count) in enumerate(zip(common_characters(classes), images_of(classes))):
        for split, count in [("train", count), ("test", SIZES[classes][2])]:
            folder = out / split / f"{at:04}"
            folder.mkdir(parents=True)
            for i in range(count):
                image = Image.new("L", (32, 32), 255)
                place = (16 + draw.uniform(-2, 2), 16 + draw.uniform(-2, 2))
                ImageDraw.Draw(image).text(place, character, 0, draw.choice(faces), anchor="mm")
                angle = draw.uniform(-12, 12)
                image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=255).save(folder / f"{i:04}.png")


def train(options, data, seed, balance):
    with tempfile.TemporaryDirectory() as runs:
        command = [options.receptive, "train", data, "--seed", seed, "--balance", balance]
        command += ["--tui", "off", "--json", "--run-dir", f"{runs}/run", *options.more]
        ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(ran.stderr)
        result = json.loads(ran.stdout)
        evaluated = subprocess.run(
            [options.receptive, "evaluate", f"{runs}/run", "--json"], capture_output=True, text=True, check=True
        )
        classes = json.loads(evaluated.stdout)["classes"]
        half = len(classes) // 2
        recalls = [one["recall"] for one in sorted(classes, key=lambda one: one["class"])]
        return {
            "mean_recall": result["test_mean_recall"],
            "larger_half": statistics.mean(recalls[:half]),
            "smaller_half": statistics.mean(recalls[half:]),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fonts", type=Path)
    parser.add_argument("--receptive", default="target/debug/receptive")
    parser.add_argument("--classes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--balance", nargs="+", default=["none", "weights", "sample"])
    options, options.more = parser.parse_known_args()
    for classes in options.classes:
        found = {}
        for seed in options.seeds:
            with tempfile.TemporaryDirectory() as at:
                data = Path(at)
                if classes <= 10:
                    fashion(classes, data)
                else:
                    characters(classes, options.fonts, data, random.Random(seed))
                for balance in options.balance:
                    result = train(options, data, seed, balance)
                    of = {"classes": classes, "seed": seed, "balance": balance}
                    print(json.dumps({**of, **result}), flush=True)
                    found.setdefault(balance, []).append(result)
        for balance, results in found.items():
            means = {key: statistics.mean(result[key] for result in results) for key in results[0]}
            print(f"{classes} classes, {balance}:", {key: round(mean, 4) for key, mean in means.items()})


if __name__ == "__main__":
    main()
