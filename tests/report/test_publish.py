"""A published study is complete and small, and replaces another only when it is told to and no record is lost."""

import re
import shutil
import sys

import made_up
import pytest

from ganspeed.errors import UserError
from ganspeed.report import write
from ganspeed.report.publish import MAX_FILE, MAX_STUDY, publish
from ganspeed.workspace import Workspace

REPORT = {"index.html", "summary.md", "results.csv", "metrics.json", "curves.csv", "figures", "comparison"}
PARTS = REPORT | {"params.yaml"}


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    workspace, params = made_up.write_study(tmp_path_factory.mktemp("study"), variants=("gan",), seeds=(0,))
    write.write_report(workspace, params)
    return workspace


@pytest.fixture
def workspace(reported, tmp_path):
    shutil.copytree(reported.root, tmp_path / "study")
    return Workspace(tmp_path / "study")


def test_a_study_holds_the_report_its_params_and_its_lock(workspace):
    assert {path.name for path in publish(workspace, "first").iterdir()} == PARTS
    (workspace.root / "dvc.lock").write_text("schema: '2.0'\n")
    folder = publish(workspace, "second-2")
    assert folder == workspace.reports / "studies" / "second-2"
    assert {path.name for path in folder.iterdir()} == PARTS | {"dvc.lock"}
    copied = sorted(path.relative_to(folder) for path in folder.rglob("figures/*"))
    assert copied == sorted(path.relative_to(workspace.reports) for path in workspace.reports.glob("figures/*"))
    links = re.findall(r'href="([^#":]+)"', (folder / "index.html").read_text())
    assert "params.yaml" in links and [link for link in links if not (folder / link).exists()] == []
    assert (folder / "params.yaml").read_bytes() == workspace.params.read_bytes()


def test_a_published_page_links_its_pictures_and_does_not_hold_them_twice(workspace):
    page = workspace.reports / "index.html"
    assert "data:image" in page.read_text()
    folder = publish(workspace, "study")
    text = (folder / "index.html").read_text()
    addresses = re.findall(r'<img [^>]*src="([^"]+)"', text)
    assert addresses and [address for address in addresses if not (folder / address).is_file()] == []
    assert "data:image" not in text and "img-src 'self';" in text
    assert "data:image" in page.read_text()


@pytest.mark.parametrize(("old", "new"), [("- gan\n", "- wgan_gp\n"), ("tau: 30.0", "tau: 31.0")])
def test_a_report_of_other_params_is_refused(old, new, workspace):
    text = workspace.params.read_text()
    assert old in text
    workspace.params.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=r"comparison/digits\.json: does not match params\.yaml in "):
        publish(workspace, "study")


def test_without_dvc_nobody_knows_whether_a_report_is_up_to_date(workspace, monkeypatch):
    (workspace.root / ".dvc").mkdir()
    for module in ("dvc", "dvc.exceptions", "dvc.repo"):
        monkeypatch.setitem(sys.modules, module, None)  # its import raises ImportError
    with pytest.raises(UserError, match=r"DVC, which knows whether the report is up to date, is not installed"):
        publish(workspace, "study")
    assert not (workspace.reports / "studies").exists()


def test_a_study_keeps_what_was_fixed_before_it(workspace):
    record = workspace.preregistration("digits")
    record.parent.mkdir(exist_ok=True)
    record.write_text("{}")
    assert (publish(workspace, "study") / "preregistration" / "digits.json").read_bytes() == b"{}"


def test_a_study_of_the_same_name_is_replaced_when_told_to(workspace):
    old = publish(workspace, "study") / "figures" / "of_a_removed_variant.png"
    old.write_bytes(b"old")
    with pytest.raises(UserError, match=r"studies/study: exists; take another name, or .*--replace"):
        publish(workspace, "study")
    assert old.exists()
    publish(workspace, "study", replace=True)
    assert not old.exists()
    assert [path.name for path in (workspace.reports / "studies").iterdir()] == ["study"]


@pytest.mark.parametrize("now", [None, b"{1}"])
def test_a_record_of_a_published_study_is_never_lost(now, workspace):
    record = workspace.preregistration("digits")
    record.parent.mkdir(exist_ok=True)
    record.write_bytes(b"{}")
    kept = publish(workspace, "study") / "preregistration" / "digits.json"
    record.unlink() if now is None else record.write_bytes(now)
    with pytest.raises(UserError, match=r"preregistration/digits\.json: frozen before .*take another name"):
        publish(workspace, "study", replace=True)
    assert kept.read_bytes() == b"{}"
    record.write_bytes(b"{}")
    workspace.tuning_record("digits").write_bytes(b"{}")
    assert (publish(workspace, "study", replace=True) / "preregistration" / "digits-tuning.json").exists()
    assert kept.exists()


def test_links_into_a_cache_are_followed(workspace, tmp_path):
    cached, table = tmp_path / "cached", workspace.reports / "results.csv"
    table.rename(cached)
    cached.chmod(0o444)
    table.symlink_to(cached)
    copy = publish(workspace, "study") / "results.csv"
    assert not copy.is_symlink()
    assert copy.stat().st_mode & 0o200
    assert copy.read_bytes() == cached.read_bytes()


@pytest.mark.parametrize("name", ["", "Study", "../out", "a/b", ".hidden", "-first", "a b", "a\n", "a" * 65])
def test_a_bad_name_is_refused(workspace, name):
    with pytest.raises(UserError, match=r"study name .*: small letters"):
        publish(workspace, name)
    assert not (workspace.reports / "studies").exists()


def test_a_report_that_is_not_there_is_refused_by_what_is_missing(workspace):
    (workspace.reports / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"nothing to publish: \S*metrics.json missing"):
        publish(workspace, "study")


@pytest.mark.parametrize("sizes", [(MAX_FILE + 1,), (MAX_FILE, MAX_FILE, MAX_FILE)])
def test_a_study_that_is_too_large_is_refused_and_the_old_one_stays(sizes, workspace):
    folder = publish(workspace, "study")
    before = (folder / "results.csv").read_bytes()
    for name, size in zip(("results.csv", "metrics.json", "curves.csv"), sizes, strict=False):
        (workspace.reports / name).write_bytes(b"0" * size)
    said = rf"{MAX_STUDY:,} are allowed and {MAX_FILE:,} of a file \(.*results.csv {sizes[0]:,}.*report.dpi"
    with pytest.raises(UserError, match=said):
        publish(workspace, "study", replace=True)
    assert (folder / "results.csv").read_bytes() == before
