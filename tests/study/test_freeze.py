"""Freezing: the rule of the protocol by hand, what is written, and a demo that says why."""

import math
from itertools import pairwise

import pytest
from ruamel.yaml import YAML

from ganspeed import cli
from ganspeed.errors import UserError
from ganspeed.params.load import load_params
from ganspeed.params.presets.apply import apply_preset
from ganspeed.study import pilot
from ganspeed.study.freeze import _power_summary, freeze
from ganspeed.study.status import FIXED
from ganspeed.system.files import read_json, sha256_file, write_json, write_text
from ganspeed.training.snapshot_grid import budget, snapshot_updates
from ganspeed.workspace import Workspace

LENGTH = 3000  # of the pilot
FACTS = {"diverged_at": None, "device": "cpu", "engine": "eager", "precision": "float32", "versions": {"torch": "2"},
         "batch_size": 64, "grid_ratio": 1.05, "n_critic": 5, "variant": {"objective": "wgan_gp"}}  # fmt: skip


def grid() -> list[int]:
    return snapshot_updates(LENGTH, 1.05, 36)


def curve(update: int, floor: float = 2.0, scale: float = 100.0) -> float:
    return floor + scale / (1 + update)


@pytest.fixture
def study(document, tmp_path):
    """A function: a workspace whose pilot has these curves of cfid, the same times 3 for cfid_second."""

    def make(curves, pixel_gaussian=40.0, updates=LENGTH, status="completed", second=True) -> Workspace:
        text = "# my study\n"
        document["datasets"]["digits"]["train"]["updates"] = LENGTH // 3
        with (tmp_path / "params.yaml").open("w") as file:
            file.write(text)
            YAML().dump(document, file)
        workspace = Workspace(tmp_path)
        table, rows, facts = workspace.pilot("digits"), [], {}
        for seed, f in zip((800, 801, 802), curves, strict=True):
            rows += [f"digits,wgan_gp,{seed},{u},cfid,{f(u)!r}" for u in grid()]
            rows += [f"digits,wgan_gp,{seed},{u},cfid_second,{3 * f(u)!r}" for u in grid() if second]
            rows += [f"digits,wgan_gp,{seed},{u},coverage,0.9" for u in grid()[-3:]]
            facts[str(seed)] = FACTS | {"updates": updates, "status": status}
        write_text(table, "dataset,variant,seed,update,metric,value\n" + "\n".join(rows) + "\n")
        label = pilot.describe_pilot(load_params(workspace.params), "digits", updates)
        label |= {"runs": facts, "sha256": sha256_file(table)}
        write_json(table.with_suffix(".json"), label)
        calibration = f"dataset,row,metric,value,n\ndigits,pixel_gaussian,cfid,{pixel_gaussian},497\n"
        write_text(workspace.calibration("digits"), calibration)
        return workspace

    return make


def test_the_rule_of_the_protocol_by_hand(study):
    workspace = study([curve, lambda u: curve(u, scale=150.0), lambda u: curve(u, scale=80.0)])
    text = freeze(workspace, "digits")
    record, parsed = read_json(workspace.preregistration("digits")), load_params(workspace.params)
    levels = {u: curve(u) for u in grid()}  # the median of the three
    lowest = min(levels.values())
    plateau = min(u for u in grid() if all(v <= 1.1 * lowest for w, v in levels.items() if w >= u))
    assert record["plateau"] == plateau

    def near(part):
        return levels[min(grid(), key=lambda u: (abs(u - part * plateau), u))]

    wanted = {"tau25": near(0.25), "tau": near(0.5), "tau75": near(0.75), "tau_second": 3 * near(0.5)}
    assert record["threshold"] == pytest.approx(wanted, rel=1e-5)
    assert parsed.datasets["digits"].threshold.model_dump() == record["threshold"]
    ratio = parsed.datasets["digits"].train.grid_ratio
    assert parsed.datasets["digits"].train.updates == record["updates"]
    assert budget(record["updates"], ratio) >= 1.5 * plateau > budget(record["updates"] - 1, ratio)
    assert set(FIXED) < set(record)  # what the report holds a study against
    assert (record["reasons"], record["pixel_gaussian"], record["seeds"]) == ([], 40.0, list(range(8)))
    assert record["pilot"] == {"variant": "wgan_gp", "seeds": [800, 801, 802], "split": "val", "updates": LENGTH}
    assert record["variants"]["wgan"] == parsed.variants["wgan"].resolved()
    assert "my study" in workspace.params.read_text()
    assert f"train.updates: {record['updates']}" in text and "commit params.yaml" in text


@pytest.mark.parametrize(("curves", "pixel_gaussian", "reason"), [
    ([lambda u: 1e4 * math.exp(-u / 300)] * 3, 40.0, "no plateau: the median pilot cfid has not settled by "),
    ([curve] * 3, 2.1, "tau 2.4"),
    ([lambda u: 5.0] * 3, 40.0, "tau25 5, tau 5, tau75 5 do not fall"),
])  # fmt: skip
def test_a_demo_is_recorded_with_its_reason_and_params_stay(study, curves, pixel_gaussian, reason):
    workspace = study(curves, pixel_gaussian)
    before = workspace.params.read_bytes()
    text = freeze(workspace, "digits")
    record, own = read_json(workspace.preregistration("digits")), load_params(workspace.params).datasets["digits"]
    assert any(r.startswith(reason) for r in record["reasons"])
    assert f"demo: {reason}" in text and "are unchanged" in text
    assert workspace.params.read_bytes() == before
    assert (record["updates"], record["threshold"]) == (own.train.updates, own.threshold.model_dump())
    assert (record["plateau"] is None) == reason.startswith("no plateau")


def test_a_diverged_pilot_is_a_demo(study):
    workspace = study([curve] * 3, status="diverged")
    text = freeze(workspace, "digits")
    record = read_json(workspace.preregistration("digits"))
    assert record["reasons"][0].startswith("a pilot run diverged")
    assert (record["sd_log_time"], record["power"]) == (None, None) and "unknown, since every pilot run" in text


def test_freezing_twice_changes_nothing_and_asks_for_no_other_pilot(study):
    workspace = study([curve, curve, lambda u: curve(u, scale=80.0)])
    freeze(workspace, "digits")
    files = [workspace.params, workspace.preregistration("digits")]
    first = [path.read_bytes() for path in files]
    assert pilot.pilot_length(workspace, load_params(workspace.params), "digits") == LENGTH
    freeze(workspace, "digits")
    assert [path.read_bytes() for path in files] == first
    apply_preset("quick", workspace.params, reset=False)
    assert pilot.pilot_length(workspace, load_params(workspace.params), "digits") == LENGTH
    workspace.preregistration("digits").unlink()
    assert pilot.pilot_length(workspace, load_params(workspace.params), "digits") != LENGTH


def test_a_pilot_of_other_params_is_refused(study):
    workspace = study([curve] * 3, updates=3003)
    with pytest.raises(UserError, match="updates 3003 instead of 3000; run `make pilot`"):
        freeze(workspace, "digits")
    with pytest.raises(UserError, match="no cfid_second among its metrics"):
        freeze(study([curve] * 3, second=False), "digits")


@pytest.mark.parametrize(("change", "named"), [
    (lambda p: p["variants"]["wgan_gp"]["optimizer"].update(lr_g=0.5), "block"),
    (lambda p: p["datasets"]["digits"]["train"].update(batch_size=9), "train"),
    (lambda p: p["datasets"]["digits"]["networks"]["G"].update(width=9), "networks"),
    (lambda p: p["evaluate"].update(neighbours=3), "evaluate"),
    (lambda p: p["datasets"]["digits"]["features"].update(second_seed=7), "features"),
])  # fmt: skip
def test_a_pilot_made_before_an_edit_is_refused(study, change, named):
    workspace = study([curve] * 3)
    document = YAML().load(workspace.params)
    change(document)
    YAML().dump(document, workspace.params)
    with pytest.raises(UserError, match=f"not the pilot of the present params: {named} .*; run `make pilot`"):
        freeze(workspace, "digits")
    assert not workspace.preregistration("digits").exists()


def test_a_pilot_whose_scores_were_touched_is_refused(study):
    workspace = study([curve] * 3)
    table = workspace.pilot("digits")
    table.write_text(table.read_text().replace("0.9", "0.8"))
    with pytest.raises(UserError, match="changed since the pilot wrote it"):
        freeze(workspace, "digits")


def test_without_a_pilot_the_command_says_what_to_run(study, capsys):
    workspace = study([curve] * 3)
    workspace.pilot("digits").unlink()
    assert cli.main(["--root", str(workspace.root), "freeze", "digits"]) == 2
    assert "no such file; `make pilot` writes it" in capsys.readouterr().err
    assert cli.main(["--root", str(workspace.root), "freeze", "digit"]) == 2
    assert "unknown data set 'digit'" in capsys.readouterr().err
    assert not workspace.preregistration("digits").exists()


def test_a_pilots_grid_is_as_fine_as_the_studys_where_the_study_is_fine():
    study = set(snapshot_updates(800, 1.05))
    fine = [u for u in grid() if 800 / 12 <= u <= 800]
    assert all(b / a < 1.07 for a, b in pairwise(fine))
    assert snapshot_updates(800, 1.05, 12) == sorted(study)
    assert len(grid()) > len(snapshot_updates(LENGTH, 1.05))


@pytest.mark.parametrize(("power", "words"), [(0.71, "71%, underpowered"), (0.8, ": 80%")])
def test_low_power_is_called_underpowered(power, words):
    text = _power_summary({"ratio": 1.5, "n": 12, "power": power})
    assert text.startswith("power of the verdict, guards included, at 1.5x with 12 seeds") and text.endswith(words)
