"""A small set of photographs: animals, food and plants of Debian's tuxpaint-stamps-default, split in half.

    apt-get download tuxpaint-stamps-default && dpkg-deb -x tuxpaint-stamps-default_*.deb package
    python3 tests/python/tuxpaint.py package DATA --seed 0
    receptive train DATA --from MODEL --image-size 128

The cut-outs are laid on white, made square and 128 pixels a side. The package is under the GPL-2: the
pictures are for measuring and do not belong in this repository. Needs Pillow.
"""

import argparse
import random
from pathlib import Path

from PIL import Image

CLASSES = ["animals", "food", "plants"]
SIDE = 128


def photographs(package: Path, name: str) -> list[Path]:
    """The pictures of a class, without drawings and mirrored copies."""
    stamps = package / "usr/share/tuxpaint/stamps"
    found = sorted((stamps / name).rglob("*.png"))
    return [path for path in found if not any(word in str(path).lower() for word in ["cartoon", "mirror"])]


def on_white(path: Path) -> Image.Image:
    """The cut-out in the middle of a white square."""
    image = Image.open(path).convert("RGBA")
    side = max(image.size)
    square = Image.new("RGBA", (side, side), "white")
    square.alpha_composite(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the unpacked package")
    parser.add_argument("out", type=Path, help="directory for train/CLASS and test/CLASS")
    parser.add_argument("--seed", type=int, default=0, help="which half is trained on")
    arguments = parser.parse_args()
    order = random.Random(arguments.seed)
    for name in CLASSES:
        paths = photographs(arguments.package, name)
        order.shuffle(paths)
        for index, path in enumerate(paths):
            folder = arguments.out / ("train" if index % 2 else "test") / name
            folder.mkdir(parents=True, exist_ok=True)
            on_white(path).save(folder / f"{path.parent.name}-{path.stem}.png")


if __name__ == "__main__":
    main()
