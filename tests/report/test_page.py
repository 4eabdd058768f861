"""The page as a reader has it: in a browser, without a network, at a desk, on a phone, without its script."""

import made_up
import pytest
from browser import CHROMIUM, browser
from report_page import ReportPage

from ganspeed.report import write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium"),
]
TIMING = {"gan": 0.01, "wgan_gp": 0.05, "iterative": 0.053}
PLANNED = (("iterative", "wgan_gp"), ("gan", "wgan_gp"))
VISIBLE = "e => e.getClientRects().length > 0"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    workspace, params = made_up.write_study(
        tmp_path_factory.mktemp("study"), seeds=tuple(range(8)), planned=PLANNED, seconds_per_update=TIMING
    )
    write.write_report(workspace, params)
    return workspace.reports


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile"), kind=ReportPage) as opened:
        yield opened


def shown(page: ReportPage, variant: str) -> bool:
    """Whether the curves of a variant can be seen on the axis that is chosen."""
    return page.look(f"[...document.querySelectorAll('.plot [data-variant={variant}]')].some({VISIBLE})")


def axis(page: ReportPage) -> list[str]:
    return page.look(f"[...document.querySelectorAll('.curves .on')].filter({VISIBLE}).map(e => e.className)")


def test_the_page_opens_offline_with_every_picture_and_table(page, reports):
    page.open(reports / "index.html")
    figures = len(list((reports / "figures").glob("*.png")))
    assert page.look("document.images.length") == figures - 2  # cfid over time is drawn by the page itself
    assert page.look("[...document.images].filter(i => !i.naturalWidth).length") == 0
    assert page.look("performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length") == 0
    assert page.look("document.querySelectorAll('table').length") >= 12
    assert page.look("[...document.images, ...document.querySelectorAll('svg[role=img]')]"
                     ".filter(e => !/[0-9]/.test(e.alt ?? e.getAttribute('aria-label'))).length") == 0  # fmt: skip


def test_the_verdict_stands_on_the_first_screen(page, reports):
    page.open(reports / "index.html", 1280, 900)
    cards = page.look(
        "[...document.querySelectorAll('.card')].map(e => [e.getBoundingClientRect().bottom, e.innerText])"
    )
    assert len(cards) == len(PLANNED)
    for (bottom, text), (new, reference) in zip(cards, PLANNED, strict=True):
        assert bottom < 900 and "FASTER" in text and f"{new} over {reference}" in text and "95 % interval" in text
        assert "8/8" in text and "(Holm)" in text
    assert page.look("document.querySelector('.plot').getBoundingClientRect().top") < 450


def test_curves_are_switched_by_a_click_and_by_a_key(page, reports):
    page.open(reports / "index.html")
    assert shown(page, "gan") and shown(page, "iterative")
    page.click(".legend li[data-variant=gan] input")
    assert not shown(page, "gan") and shown(page, "iterative")
    page.press(" ")  # the focus stays on the switch
    assert shown(page, "gan")
    page.press("Tab")
    page.press(" ")
    assert shown(page, "gan") and not shown(page, "wgan_gp")
    page.click(".legend li:last-child button")
    assert not shown(page, "gan") and not shown(page, "iterative")


def test_without_its_script_the_page_shows_all_and_the_axis_can_be_chosen(page, reports):
    page.open(reports / "index.html", script=False)
    assert page.look("document.querySelectorAll('.legend input, .legend button').length") == 0
    assert all(shown(page, variant) for variant in made_up.VARIANTS)
    assert axis(page) == ["on on-updates"]
    page.click("label[for=axis-digits-seconds]")
    assert axis(page) == ["on on-seconds"]
    page.click("label[for=axis-digits-updates]")
    page.press("ArrowRight")
    assert axis(page) == ["on on-d_updates"]


@pytest.mark.parametrize("width", [400, 700, 1000, 1280])
def test_no_number_of_a_table_is_cut_off_at_any_width(page, reports, width):
    page.open(reports / "index.html", width)
    assert page.look("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('.table')].filter(e => e.scrollWidth > e.clientWidth)"
    assert page.look(f"{wide}.length") == 0
    cut = (
        "[...document.querySelectorAll('td, th, .card p, .plot')].filter(e => e.getClientRects().length > 0)"
        f".filter(e => e.getBoundingClientRect().right > {width} || e.getBoundingClientRect().left < 0)"
    )
    assert page.look(f"{cut}.length") == 0
    hidden = (
        f"[...document.querySelectorAll('td')].filter(e => /[0-9]/.test(e.textContent)).filter(e => !({VISIBLE})(e))"
    )
    assert page.look(f"{hidden}.length") == 0


@pytest.mark.parametrize("width", [400, 1280])
def test_beyond_ten_variants_every_panel_is_within_reach(width, page, tmp_path, monkeypatch):
    """Curves that stay beside the cards while the page scrolls are no higher than the screen, or their end is cut."""
    more = {f"variant_of_a_longer_name_{i}": made_up.VARIANTS["iterative"] for i in range(8)}
    monkeypatch.setattr(made_up, "VARIANTS", made_up.VARIANTS | more)
    workspace, params = made_up.write_study(tmp_path, variants=tuple(made_up.VARIANTS), seeds=(0,))
    write.write_report(workspace, params)
    page.open(workspace.reports / "index.html", width)
    assert page.look("document.querySelectorAll('.on-updates .plot').length") == 2
    assert page.look("document.querySelectorAll('.card').length") == 10
    too_high = "e => getComputedStyle(e).position === 'sticky' && e.offsetHeight > innerHeight"
    assert page.look(f"[...document.querySelectorAll('.curves')].some({too_high})") is False
    assert page.look("document.documentElement.scrollWidth") <= width


def test_in_print_every_number_and_sentence_is_there(page, reports):
    page.open(reports / "index.html", 700)
    page.send("Emulation.setEmulatedMedia", media="print")
    told = "[...document.querySelectorAll('td, .card p')].filter(e => /[0-9]/.test(e.textContent))"
    missing = f"{told}.filter(e => !({VISIBLE})(e))"
    assert page.look(f"{missing}.length") == 0
    assert page.look("document.documentElement.scrollWidth") <= 700
    page.send("Emulation.setEmulatedMedia", media="")
