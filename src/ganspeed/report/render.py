"""Renders a page as HTML that opens alone and offline, and as Markdown."""

import base64
import hashlib
import re
from pathlib import Path

import jinja2

from ganspeed.report.blocks import Curves, Glance, Picture, Points
from ganspeed.report.interval_bar import WIDTH as BAR_WIDTH
from ganspeed.report.page import Page
from ganspeed.report.tables import NONE, Table

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT = "switches.js"
KINDS = {".svg": "svg+xml", ".png": "png"}  # of pictures
MARKUP = re.compile(r"[\\`*_{}\[\]|#~>]")  # of Markdown, in one line of text
BLOCKS = {"picture": Picture, "table": Table, "points": Points, "curves": Curves, "glance": Glance}


def render(template: str, page: Page, folder: Path) -> str:
    """Render `template` (page.html or page.md); `folder` has the figures to embed."""
    environment = _environment(template.endswith(".html"))
    script = (TEMPLATES / SCRIPT).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    environment.filters["embedded"] = lambda picture: embedded(smaller(folder, picture.name))
    values = {"script": script, "script_hash": f"sha256-{digest}", "bar_width": BAR_WIDTH, "none_sign": NONE}
    return environment.get_template(template).render(page=page, **values)


def _environment(escape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name, kind in BLOCKS.items():
        environment.tests[name] = lambda block, kind=kind: isinstance(block, kind)
    environment.filters["cell"] = _cell
    environment.filters["plain"] = lambda text: MARKUP.sub(r"\\\g<0>", text).replace("&", "&amp;").replace("<", "&lt;")
    return environment


def _cell(text: str) -> str:
    """A text in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("~", "\\~").replace("<", "&lt;").replace("\n", " ")


def smaller(folder: Path, name: str) -> Path:
    """The file of a picture as lines or as pixels, whichever takes fewer bytes."""
    return min((folder / f"{name}{kind}" for kind in KINDS), key=lambda path: path.stat().st_size)


def embedded(path: Path) -> str:
    """A picture as an address that holds it."""
    return f"data:image/{KINDS[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def linked(page: str, folder: Path) -> str:
    """A rendered page that has the pictures of `folder`, which lies beside it, by their addresses there."""
    for path in sorted(folder.iterdir()):
        if path.suffix in KINDS:
            page = page.replace(embedded(path), f"{folder.name}/{path.name}")
    return page.replace("img-src data:;", "img-src 'self';")
