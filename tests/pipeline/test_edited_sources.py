"""What an edit of the code reruns, told by the real dvc on a toy study."""

from pathlib import Path

import pytest
from toy_study import ALL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def edit(path: Path) -> None:
    with path.open("a") as file:
        file.write("\n# an edit\n")


def test_a_metrics_file_edited_scores_everything_and_trains_no_classifier(study):
    edit(study.root / "src/ganspeed/scoring/feature_metrics.py")
    reran = study.repro("evaluate", "calibrate")
    assert (reran.trained, reran.scored) == (set(), ALL)
    assert {"evaluate", "calibrate"} <= reran.stage_names
    assert not reran.stage_names & {"prepare", "features", "train"}


def test_a_metrics_glossary_edited_scores_nothing(study):
    path = study.root / "src/ganspeed/scoring/metrics.py"
    path.write_text(path.read_text().replace("sliced Wasserstein-2 distance", "sliced distance"))
    reran = study.repro()
    assert (reran.trained, reran.scored) == (set(), set())
    assert "report" in reran.stages and "features" not in reran.stage_names
    assert "swd: sliced distance of the pixels" in (study.root / "reports/index.html").read_text()


def test_one_objectives_file_edited_retrains_its_users_alone(study):
    edit(study.root / "src/ganspeed/objectives/wgan.py")
    reran = study.repro("evaluate")
    assert reran.trained == {"wgan/seed-0", "wgan/seed-1"}
    assert "evaluate@digits-gan" not in reran.stages


def test_the_loop_edited_retrains_everything(study):
    edit(study.root / "src/ganspeed/training/loop.py")
    assert study.repro("train").trained == ALL
