"""Makes the two bundled fonts from Roboto 2.138 (Apache-2.0). Not needed to build the crate.

    python3 subset.py FOLDER_WITH_ROBOTO_TTF OUT_FOLDER        # needs fonttools

Keeps Latin, Greek, Cyrillic and the mathematical signs; adds four arrows, a tick and a cross,
which Roboto lacks, drawn as plain polygons in its stroke width.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

RANGES = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x192, 0x192), (0x218, 0x21B), (0x370, 0x3FF),
    (0x400, 0x45F), (0x1E80, 0x1EF9), (0x2000, 0x2044), (0x2070, 0x209C), (0x20A0, 0x20BF),
    (0x2100, 0x2126), (0x2190, 0x2193), (0x2200, 0x2265), (0x25CA, 0x25CA),
]


def arrow(stroke):
    """A right arrow, 1400 units wide, centred on the height of the minus sign."""
    mid, half, head = 700, stroke / 2, 330
    return [
        (150, mid - half), (1250 - stroke, mid - half), (1250 - stroke - head + half, mid - head),
        (1250 - head + half, mid - head - half), (1250, mid), (1250 - head + half, mid + head + half),
        (1250 - stroke - head + half, mid + head), (1250 - stroke, mid + half), (150, mid + half),
    ]


def turned(points, quarter_turns):
    out = [(x - 700, y - 700) for x, y in points]
    for _ in range(quarter_turns):
        out = [(-y, x) for x, y in out]
    return [(x + 700, y + 700) for x, y in out]


def add(font, code, name, shapes, width=1400):
    pen = TTGlyphPen(None)
    for points in shapes:
        points = [(round(x), round(y)) for x, y in points]
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1]))
        if area > 0:  # TrueType outlines run clockwise
            points.reverse()
        pen.moveTo(points[0])
        for point in points[1:]:
            pen.lineTo(point)
        pen.closePath()
    font["glyf"][name] = pen.glyph()
    font["hmtx"][name] = (width, min(x for s in shapes for x, _ in s).__round__())
    font.setGlyphOrder(font.getGlyphOrder() if name in font.getGlyphOrder() else font.getGlyphOrder() + [name])
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[code] = name


def main(source, target):
    for weight, stroke in [("Regular", 150), ("Medium", 200)]:
        font = TTFont(Path(source) / f"Roboto-{weight}.ttf")
        for turn, (code, name) in enumerate(
            [(0x2192, "arrowright"), (0x2191, "arrowup"), (0x2190, "arrowleft"), (0x2193, "arrowdown")]
        ):
            add(font, code, name, [turned(arrow(stroke), turn)])
        d = stroke * 0.71
        add(font, 0x2713, "check", [[
            (150, 620), (500, 270), (1250, 1020), (1250 - d, 1020 + d), (500, 270 + 2 * d), (150 + d, 620 + d),
        ]])
        bar = [(700 + s * 470 + c * d / 2, 700 + s * 470 - c * d / 2) for s, c in [(-1, -1), (-1, 1), (1, 1), (1, -1)]]
        add(font, 0x2717, "ballotx", [bar, turned(bar, 1)])
        options = subset.Options(layout_features=["kern"], hinting=False, notdef_outline=True, glyph_names=False)
        options.name_IDs = [0, 1, 2, 5, 13, 14]
        job = subset.Subsetter(options)
        wanted = {c for a, b in RANGES for c in range(a, b + 1)} | {0x2713, 0x2717}
        job.populate(unicodes=wanted)
        job.subset(font)
        font.save(Path(target) / f"Roboto-{weight}-subset.ttf")


if __name__ == "__main__":
    main(*sys.argv[1:3])
