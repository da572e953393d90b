"""CIFAR-10's binary format with the 20 images of it that the package foolbox has, to try a recipe on.

    python3 -m pip download --no-deps foolbox==3.3.4 && python3 -m zipfile -e foolbox-3.3.4-py3-none-any.whl foolbox
    python3 tests/python/cifar10.py foolbox DATA
    receptive train DATA --preset accurate

Four images are for testing; the other 16 are for training, in four files. The images are CIFAR-10's (Krizhevsky
2009): they do not belong in this repository. Needs Pillow.
"""

import argparse
from pathlib import Path

from PIL import Image

PER_FILE = 4


def record(path: Path) -> bytes:
    """The label, then the red, green and blue plane, row by row."""
    label = int(path.stem.rsplit("_", 1)[1])
    planes = Image.open(path).convert("RGB").split()
    return bytes([label]) + b"".join(plane.tobytes() for plane in planes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the unpacked package")
    parser.add_argument("out", type=Path, help="directory for cifar-10-batches-bin")
    arguments = parser.parse_args()
    images = sorted(arguments.package.rglob("cifar10_*_*.png"))
    if len(images) != 5 * PER_FILE:
        parser.error(f"{arguments.package} has {len(images)} images cifar10_NN_LABEL.png instead of 20")
    folder = arguments.out / "cifar-10-batches-bin"
    folder.mkdir(parents=True, exist_ok=True)
    names = ["test_batch", *(f"data_batch_{number}" for number in range(1, 5))]
    for number, name in enumerate(names):
        some = images[number * PER_FILE :][:PER_FILE]
        (folder / f"{name}.bin").write_bytes(b"".join(record(path) for path in some))


if __name__ == "__main__":
    main()
