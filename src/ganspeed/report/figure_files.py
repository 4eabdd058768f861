"""The files of a figure: pixels for Markdown, lines to zoom into, and the points that it shows.

The same figure, drawn again, gives the same bytes.
"""

import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from ganspeed.report.blocks import Picture
from ganspeed.system.files import write_atomically, write_text

DENSITY = 2  # pixels of a PNG for each that report.dpi asks for: screens have that many, or more
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
DIGITS = "%.6g"  # of the points
DIGITS_OF_PLACES = re.compile(r"(\d\.\d)\d+")
PLACES = re.compile(r' (?:d|x|y)="[^"]*"|translate\([^)]*\)')
LINES = re.compile(r"[ML] \S+ \S+(?: \nL \S+ \S+)+")
STYLES, IDS, REFERENCES = (re.compile(text) for text in (r' style="([^"]*)"', r' id="([^"]*)"', r"#([\w-]+)"))


def write_figure(picture: Picture, folder: Path, dpi: int) -> None:
    """Draw a picture and write <name>.png, .svg and .csv to the folder."""
    figure = picture.draw()
    save_svg(figure, folder / f"{picture.name}.svg", picture.name)
    figure.set_layout_engine("none")  # the layout that was found is kept: to find it again takes longer than to draw
    save_png(figure, folder / f"{picture.name}.png", DENSITY * dpi)
    points = picture.points.to_csv(index=False, lineterminator="\n", float_format=DIGITS)
    write_text(folder / f"{picture.name}.csv", points)


def save_png(figure: Figure, path: Path, dpi: int) -> None:
    """Write a PNG with a palette of 256 colours and no metadata: a third of the size.

    The palette is chosen by maximum coverage: one by frequency gives a thin line the colour of a thicker one. Level 9
    saves 6 % of the bytes more and takes five times as long.
    """
    figure.set(dpi=dpi, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once; savefig would draw it twice
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image = pixels.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    write_atomically(path, lambda temporary: image.save(temporary, format="PNG", compress_level=6))


def save_svg(figure: Figure, path: Path, salt: str) -> None:
    """Write an SVG without date and version; `salt` makes the names of its parts the same every time."""
    figure.set(facecolor="white")
    text = io.StringIO()
    with rc_context({"svg.hashsalt": salt}):
        FigureCanvasSVG(figure).print_svg(text, metadata=NO_METADATA)
    write_text(path, shortened(text.getvalue()))


def shortened(svg: str) -> str:
    """The same picture in half the bytes.

    Places keep one decimal of a point (1/72 inch), a line its first command, and a style that occurs more often than
    twice is said once; indents and names that nothing refers to go.
    """
    svg = PLACES.sub(lambda found: DIGITS_OF_PLACES.sub(r"\1", found[0]), svg)
    svg = LINES.sub(lambda found: found[0].replace(" \nL ", " "), svg)
    often = [style for style, n in Counter(STYLES.findall(svg)).most_common() if n > 2]
    classes = {style: f"s{i}" for i, style in enumerate(often)}
    svg = STYLES.sub(lambda found: f' class="{classes[found[1]]}"' if found[1] in classes else found[0], svg)
    rules = "\n".join(f".{name}{{{style}}}" for style, name in classes.items())
    svg = svg.replace("</style>", f"{rules}\n</style>", 1)
    used = set(REFERENCES.findall(svg))
    svg = IDS.sub(lambda found: found[0] if found[1] in used else "", svg)
    return re.sub(r"\n\s+", "\n", svg)
