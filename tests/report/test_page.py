"""The page as a browser sees it, without a network."""

import os
import re
import subprocess

import made_up
import pytest
from browser import CHROMIUM, FLAGS

from ganspeed.report import write

PROBE = """<script>
addEventListener("load", () => {
  const images = [...document.images];
  const wide = document.documentElement.scrollWidth > innerWidth;
  const fetched = performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:"));
  document.title = `images ${images.length} failed ${images.filter(i => !i.naturalWidth).length} `
    + `tables ${document.querySelectorAll("table").length} rows ${document.querySelectorAll("tbody tr").length} `
    + `fetched ${fetched.length} wide ${wide}`;
});
</script></head>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_the_page_opens_offline_with_every_picture_and_table(tmp_path):
    workspace, params = made_up.write_study(tmp_path / "study")
    write.write_report(workspace, params)
    page = (workspace.reports / "index.html").read_text(encoding="utf-8")
    # The probe is a script, which the page's own policy would refuse; nothing else of the page changes.
    probed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page).replace("</head>", PROBE, 1)
    assert probed.count("<script>") == 1
    (tmp_path / "probed.html").write_text(probed, encoding="utf-8")

    title = title_in_browser(tmp_path / "probed.html", tmp_path / "profile")
    figures = len(list((workspace.reports / "figures").iterdir()))
    rows = page.count("<tr>") - page.count("<thead><tr>")
    tables = page.count("<table")
    assert tables >= 11  # scores, times, speed-ups, four questions and what was run among them
    assert title == f"images {figures} failed 0 tables {tables} rows {rows} fetched 0 wide false"

    # As it stands: its pictures are not stopped by its own policy, and it changes nothing about itself.
    dumped = dump(workspace.reports / "index.html", tmp_path / "profile2")
    assert dumped.count("<img") == figures
    assert "<table" in dumped


def title_in_browser(page, profile) -> str:
    return re.search(r"<title>([^<]*)</title>", dump(page, profile))[1]


def dump(page, profile) -> str:
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--window-size=1200,2000", "--dump-dom", page.as_uri()]
    environment = os.environ | {"HOME": str(profile)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True, env=environment)
    return done.stdout
