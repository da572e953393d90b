"""Puts what `receptive erf atlas` measured into docs/atlas.md, between its marks, and small pictures beside it.

    atlas.py RANDOM PHOTOGRAPHS    # the two directories given with --out; where one is missing, its tables stay
"""

import json
import sys
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parents[2] / "docs"
# The row of maps at the top of each picture, as shares of its size; what is below it is curves.
TOP, BOTTOM = 0.0, 0.445
WIDTH, COLOURS = 900, 160


def networks(directory):
    path = Path(directory) / "atlas.json"
    return json.loads(path.read_text())["networks"] if path.exists() else []


def stem(name):
    return "".join(c if c.isalnum() or c == "." else "-" for c in name).strip("-.")


def picture(directory, name):
    """The maps of one network, small."""
    source = Image.open(Path(directory) / f"{stem(name)}.png").convert("RGB")
    width, height = source.size
    maps = source.crop((0, int(TOP * height), width, int(BOTTOM * height)))
    maps = maps.resize((WIDTH, round(WIDTH * maps.height / maps.width)), Image.LANCZOS)
    target = DOCS / "atlas" / f"{stem(name)}.png"
    target.parent.mkdir(exist_ok=True)
    maps.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    return f"![The fields of the stages of {name}](atlas/{target.name})"


def number(estimate, digits):
    """A value with half the width of its 95 % interval."""
    half = (estimate["high"] - estimate["low"]) / 2
    return f"{estimate['value']:.{digits}f} ±{half:.{digits}f}"


def side(squares, share):
    return next(str(one["side"]) for one in squares if one["share"] == share)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def details(network):
    rows = []
    for stage in network["stages"]:
        squares = stage["mass_squares"]
        theory = f"{stage['sigma_null']:.2f}" + ("" if stage["exact"] else "*")
        rows.append(
            [
                stage["stride"],
                "x".join(map(str, stage["trf"])),
                number(stage["sigma"], 2),
                number(stage["size"], 1),
                number(stage["ratio"], 3),
                number(stage["tv"], 3),
                stage["verdict"].upper().replace("_", " "),
                number(stage["sigma_square"], 2),
                theory,
                " / ".join(side(squares, share) for share in (0.2, 0.3, 0.5, 0.99)),
            ]
        )
    head = ["stride", "TRF", "σ", "size", "size / TRF", "TV", "verdict", "σ of g²", "theory", "20 / 30 / 50 / 99 %"]
    return table(head, rows)


def section(directory, network):
    height, width = network["image"]
    text = f"{network['weights']} weights, {network['input']}, {height}x{width} pixels, "
    samples = {stage["samples"] for stage in network["stages"]}
    text += f"{' to '.join(map(str, sorted(samples)))} samples"
    return "\n\n".join(
        [f"### {network['name']}", text, picture(directory, network["name"]), details(network)]
    )


def last_stages(all_networks):
    rows = []
    for network in all_networks:
        last = network["stages"][-1]
        image = network["image"][0]
        share = side(last["mass_squares"], 0.5)
        rows.append(
            [
                f"`{network['name']}`",
                image,
                last["trf"][0],
                number(last["sigma"], 1),
                f"{last['size']['value']:.0f}",
                f"{last['ratio']['value']:.2f}",
                f"{share} ({100 * (int(share) / image) ** 2:.0f} %)",
                last["verdict"].upper().replace("_", " "),
            ]
        )
    head = ["network", "image", "TRF", "σ", "size", "size / TRF", "50 % within (of the image)", "verdict"]
    return table(head, rows)


def training(photographs):
    rows = []
    for network in photographs:
        for stage in network["stages"]:
            null, found = stage["sigma_null"], stage["sigma_square"]
            low, high = found["low"] / null, found["high"] / null
            rows.append(
                [
                    f"`{network['name']}`",
                    stage["stride"],
                    stage["trf"][0],
                    number(found, 2),
                    f"{null:.2f}",
                    f"{found['value'] / null:.2f} ({low:.2f} to {high:.2f})",
                ]
            )
    head = ["network", "stride", "TRF", "σ of g² on photographs", "σ of the null", "ratio"]
    return table(head, rows)


def main():
    random, photographs = (networks(directory) for directory in sys.argv[1:3])
    parts = {}
    if random:
        parts["last"] = last_stages(random)
        parts["random"] = "\n\n".join(section(sys.argv[1], one) for one in random)
    if photographs:
        parts["training"] = training(photographs)
        parts["photographs"] = "\n\n".join(section(sys.argv[2], one) for one in photographs)
    page = DOCS / "atlas.md"
    text = page.read_text()
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, rest = text.split(begin)
        text = before + begin + "\n" + part + "\n\n" + end + rest.split(end)[1]
    page.write_text(text)
    size = sum(path.stat().st_size for path in (DOCS / "atlas").iterdir())
    print(f"{len(random)} networks with random weights, {len(photographs)} on photographs, pictures {size >> 10} KiB")


main()
