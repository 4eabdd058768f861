"""Files that are edited while a stage runs: no result is recorded as that of what was not used."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
import toy_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HELPERS = str(Path(toy_study.__file__).parent)


def small(document) -> None:
    document["compare"].update(variants=["gan"], seeds=[0])
    document["protocol"]["references"] = []
    document["report"]["dpi"] = 60


@pytest.fixture(scope="module")
def trials(finished, tmp_path_factory) -> list[dict]:
    """How 300 drawn edits at drawn moments of drawn stages ended."""
    study = toy_study.new_study(tmp_path_factory.mktemp("edits") / "study", git=False)
    study.edit(small)
    study.run("dvc", "repro")
    program = f"import sys; sys.path.insert(0, {HELPERS!r}); import drawn_edits; drawn_edits.main()"
    return json.loads(study.run(sys.executable, "-c", program).stdout.splitlines()[-1])


def test_a_stage_with_an_edit_ends_in_words_or_has_the_result_of_what_is_there(trials):
    """DVC records a stage with status 0 as one of the params and sources that are there when it has ended."""
    assert len(trials) == 300 and {trial["status"] for trial in trials} == {0, 2}
    for trial in trials:
        assert "Traceback" not in trial["output"], trial
        used = trial["stage"] in trial["edit"]["stages"]
        late = trial["number"] >= trial["opened"]
        if trial["status"] == 0 and used and not late:
            assert trial["result"] == "edited", trial
        elif trial["status"] == 0:
            assert trial["result"] == "unedited", trial
        else:
            assert (used and not late and trial["edit"]["file"] in trial["output"]) or "params" in trial["output"], (
                trial
            )
    assert Counter(trial["status"] for trial in trials)[2] > 60


def test_an_edit_just_after_a_stage_is_found_by_the_stage_that_compares(trials):
    late = [trial["compare"] for trial in trials if trial["compare"] is not None]
    assert len(late) > 5 and set(late) == {2}
