"""Files that are edited while a stage runs: no result is recorded as that of what was not used."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import toy_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REFUSED = "not the scores that params.yaml|does not match params.yaml"
CHANGED = "changed (while the stage|after this work was planned)"
HELPERS = str(Path(toy_study.__file__).parent)


def small(document) -> None:
    document["compare"].update(variants=["gan"], seeds=[0])
    document["protocol"]["references"] = []
    document["report"]["dpi"] = 60


def small_study(finished: toy_study.Study, root: Path) -> toy_study.Study:
    """The finished study with one run of it."""
    shutil.copytree(finished.root, root, symlinks=True)
    study = toy_study.Study(root)
    study.edit(small)
    study.run("dvc", "repro")
    return study


@pytest.fixture(scope="module")
def trials(finished, tmp_path_factory) -> list[dict]:
    """How 300 drawn edits at drawn moments of drawn stages ended."""
    study = small_study(finished, tmp_path_factory.mktemp("edits") / "study")
    program = f"import sys; sys.path.insert(0, {HELPERS!r}); import drawn_edits; drawn_edits.main()"
    return json.loads(study.run(sys.executable, "-c", program).stdout.splitlines()[-1])


def test_an_edit_ends_a_stage_in_words_or_is_part_of_its_result(trials):
    """DVC records a stage with status 0 as one of the params and sources that are there when it has ended."""
    assert len(trials) == 300 and {trial["status"] for trial in trials} == {0, 2}
    for trial in trials:
        assert "Traceback" not in trial["output"], trial
        used, late = trial["stage"] in trial["edit"]["stages"], trial["late"]
        if trial["status"] == 0 and used and not late:
            assert "edited" in trial["alike"], trial
        elif trial["status"] == 0:
            assert "unedited" in trial["alike"], trial
        else:
            by_compare = trial["stage"] in ("compare", "report") and re.search(REFUSED, trial["output"])
            declared = used or trial["edit"]["file"] in trial["output"]  # a folder of which the stage uses a part
            assert by_compare or (declared and re.search(CHANGED, trial["output"])), trial
    assert Counter(trial["status"] for trial in trials)[2] > 60


def test_an_edit_just_after_a_stage_is_found_by_the_stage_that_compares(trials):
    late = [trial["compare"] for trial in trials if trial["compare"] is not None]
    assert len(late) > 5 and set(late) == {2}


REAL = [  # stage, file, text, its replacement
    ("train@digits-gan", "params.yaml", "n_critic: 1", "n_critic: 2"),
    ("train@digits-gan", "src/ganspeed/objectives/gan.py", "cross_entropy(real,", "2 * cross_entropy(real,"),
    ("train@digits-gan", "src/ganspeed/runs/train.py", '"""Training many', '"""The training of many'),
    ("evaluate@digits-gan", "params.yaml", "samples: 400", "samples: 300"),
    ("evaluate@digits-gan", "src/ganspeed/scoring/feature_metrics.py", "return float(max(", "return 2 * float(max("),
    ("features@digits", "params.yaml", "width: 8", "width: 9"),
    ("compare@digits", "src/ganspeed/compare/statistics.py", "ALPHA = 0.05", "ALPHA = 0.01"),
    ("report", "params.yaml", "dpi: 60", "dpi: 70"),
]
# Makes the edit in the process of the stage, when it opens one of the two files for the EDIT_AT-th time: it has read
# params.yaml and looks at what is declared (2), or is about to read it once more (3).
EDITING = """
import os, sys
from pathlib import Path
sys.modules["mlflow"] = None
opened = 0

def on_event(event, arguments):
    global opened
    if event == "open" and str(arguments[0]).endswith(("/params.yaml", "/dvc.yaml")):
        opened += 1
        if opened == int(os.environ["EDIT_AT"]):
            path = Path(os.environ["EDIT_FILE"])
            path.write_text(path.read_text().replace(os.environ["EDIT_OLD"], os.environ["EDIT_NEW"], 1))

if any(argument.startswith("pipeline/") for argument in sys.orig_argv):
    sys.addaudithook(on_event)
"""


def edited(study: toy_study.Study, file: str, old: str, new: str) -> None:
    path = study.root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_dvc_takes_no_stage_for_done_whose_files_were_edited_meanwhile(finished, tmp_path):
    study = small_study(finished, tmp_path / "study")
    (tmp_path / "sitecustomize.py").write_text(EDITING)
    for number, (stage, file, old, new) in enumerate(REAL):
        edit = {"EDIT_FILE": file, "EDIT_OLD": old, "EDIT_NEW": new, "EDIT_AT": str(2 + number % 2)}
        environment = study.environment | edit | {"PYTHONPATH": f"{study.root / 'src'}:{tmp_path}"}
        command = ["dvc", "repro", "-s", "-f", stage]
        done = subprocess.run(command, cwd=study.root, env=environment, capture_output=True, text=True, check=False)
        assert new in (study.root / file).read_text(encoding="utf-8")
        output = done.stdout + done.stderr
        assert done.returncode != 0 and re.search("changed (while the stage|after this work was planned)", output), (
            output
        )
        assert "changed" in study.run("dvc", "status", stage).stdout
        edited(study, file, new, old)
    assert study.repro().stages <= {"check", *(stage for stage, *_ in REAL)}


def test_a_copy_runs_its_own_code_whichever_package_is_installed(finished, tmp_path):
    study = toy_study.Study(tmp_path / "copy")
    shutil.copytree(finished.root, study.root, symlinks=True)
    edited(study, "src/ganspeed/objectives/gan.py", "super().__init__()", "raise ValueError('the copy ran')")
    other = study.environment | {"PYTHONPATH": str(toy_study.PROJECT / "src")}
    for command in (["dvc", "repro", "train@digits-gan"], ["dvc", "exp", "run", "--temp", "train@digits-gan"]):
        done = subprocess.run(command, cwd=study.root, env=other, capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "the copy ran" in done.stdout + done.stderr, done.stdout + done.stderr


def test_the_command_of_another_package_is_refused_with_both_folders(finished):
    own, other = finished.root / "src" / "ganspeed", toy_study.PROJECT / "src" / "ganspeed"
    environment = finished.environment | {"PYTHONPATH": str(other.parent)}
    for folder, arguments in ((finished.root, ()), (finished.root.parent, ("--root", str(finished.root)))):
        done = subprocess.run(
            ["ganspeed", *arguments, "check"], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2 and str(own) in done.stderr and str(other) in done.stderr


PLANNED = """
from pathlib import Path
from ganspeed import source_files
from ganspeed.errors import UserError
from ganspeed.runs.fingerprint import source_hashes
from ganspeed.source_files import refuse_edited
bodies, variant = {"G": {"body": "dcgan"}, "D": {"body": "dcgan"}}, {"objective": "gan", "optimizer": {"name": "adam"}}
blocks = {"networks": bodies, "variant": variant}
planned = source_hashes(blocks, "eager")
early, late = "networks/generator.py", "training/loop.py"
refuse_edited({early: planned[early]})
for name in (early, late):
    with (source_files.PACKAGE / name).open("a") as file:
        file.write("# an edit")
assert source_hashes(blocks, "eager") == planned
refuse_edited({early: planned[early]})  # imported before the edit
try:
    refuse_edited(planned)
except UserError as error:
    print(error)
"""


def test_sources_are_hashed_as_they_were_when_the_package_was_imported(tmp_path):
    study = toy_study.new_study(tmp_path / "study", git=False)
    said = study.run(sys.executable, "-c", PLANNED).stdout
    assert said.startswith(f"{study.root}/src/ganspeed: training/loop.py changed after this work was planned")


WORKER = """
from ganspeed import source_files
from ganspeed.compare.rounding import rounded
from ganspeed.errors import UserError
from ganspeed.system.processes import map_processes
print(list(map_processes(rounded, [0.5], 1, always_start=True)))
with (source_files.PACKAGE / "compare" / "rounding.py").open("a") as file:
    file.write("# an edit")
try:
    list(map_processes(rounded, [0.5], 1, always_start=True))
except UserError as error:
    print(error)
"""


def test_a_worker_refuses_what_it_would_compute_with_edited_sources(tmp_path):
    source = shutil.copytree(toy_study.PROJECT / "src", tmp_path / "src")
    environment = {"PATH": "", "PYTHONPATH": str(source)}
    found = subprocess.run([sys.executable, "-c", WORKER], env=environment, capture_output=True, text=True, check=True)
    before, refusal = found.stdout.splitlines()
    assert before == "[(0.5, 0.5)]" and "compare/rounding.py changed after this work was planned" in refusal
