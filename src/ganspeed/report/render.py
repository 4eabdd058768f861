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
MARKUP = re.compile(r"[\\`*_{}\[\]|#~>]")  # of Markdown, in one line of text
BLOCKS = {"picture": Picture, "table": Table, "points": Points, "curves": Curves, "glance": Glance}


def render(template: str, page: Page, folder: Path) -> str:
    """Render `template` (page.html or page.md); `folder` has the figures to embed."""
    environment = _environment(template.endswith(".html"))
    script = (TEMPLATES / SCRIPT).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    environment.filters["embedded"] = lambda picture: _embedded(picture, folder)
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


def _embedded(picture: Picture, folder: Path) -> str:
    """A picture as an address that holds it: as lines or as pixels, whichever takes fewer bytes."""
    files = {kind: (folder / f"{picture.name}.{kind[:3]}").read_bytes() for kind in ("svg+xml", "png")}
    kind, content = min(files.items(), key=lambda item: len(item[1]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
