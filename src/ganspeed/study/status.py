"""What a study of one data set may be called: a demo, confirmatory or exploratory, and why.

A pure function of the comparison and the runs, of the records in preregistration/ and of what git has in the runs'
commits. A demo is too small or has no sound threshold, which `compare` finds. A study is confirmatory when everything
that its record fixes is unchanged, and every run comes from a clean checkout of a commit that contains exactly this
record.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from ganspeed.compare.records import Design, StudyRecords
from ganspeed.params.variants import with_defaults
from ganspeed.runs.provenance import UNKNOWN
from ganspeed.system.git import GitError, git, is_checkout

DEMO_SEEDS = range(100)  # those of the shipped presets that everybody has seen results of
PILOT_SEEDS = range(800, 900)  # never a study's: what is replayed or frozen must not depend on its random numbers
RESERVED_SEEDS = range(PILOT_SEEDS.start, 1000)  # those of pilots and tuning, whichever of them were used
FIXED = tuple(field.name for field in fields(Design))


@dataclass(frozen=True, kw_only=True)
class StudyFacts(Design):
    """What was done on one data set: the design as it was really carried out."""

    dataset: str
    variants: dict[str, dict]  # variant → block that was really trained
    demo: list[str]  # why it is a demo, if it is
    untuned: list[str]  # the variants that no equal tuning chose
    provenance: list[dict]  # of every run


@dataclass(frozen=True)
class Status:
    """`demo`, `confirmatory` or `exploratory`, and its reasons."""

    name: str
    reasons: list[str]


def study_status(study: StudyFacts, records: StudyRecords, has_record: dict[str, bool | None]) -> Status:
    """The first that applies: demo, confirmatory, exploratory; with every reason for it.

    has_record: commit of a run → whether it contains exactly this preregistration; None for one that is not found.
    """
    recipes = ["untuned recipes"] if len(study.untuned) == len(study.variants) else []
    if study.demo:
        return Status("demo", [*study.demo, *recipes])
    if reasons := [*recipes, *_deviations(study, records, has_record)]:
        return Status("exploratory", reasons)
    clean = f"every run comes from a clean checkout of a commit with preregistration/{study.dataset}.json as it is"
    return Status("confirmatory", [clean])


def _deviations(study: StudyFacts, records: StudyRecords, has_record: dict[str, bool | None]) -> list[str]:
    """Why it is not confirmatory."""
    record, path = records.preregistration, f"preregistration/{study.dataset}.json"
    if record is None:
        return [f"nothing was fixed before the runs: no {path}"]
    arms = {arm for pair in study.planned for arm in (pair["new"], pair["reference"])}
    found = [] if study.planned else ["no comparison was planned"]
    loose = sorted(arms & set(study.untuned))
    if loose and len(study.untuned) < len(study.variants):
        found.append(f"untuned in the planned family: {', '.join(loose)}")
    found += [f"{name} differs from {path}" for name in FIXED if getattr(study, name) != getattr(record, name)]
    variants = record.variants or {}
    done = {name: with_defaults(block) for name, block in study.variants.items()}
    differing = [name for name, block in variants.items() if done.get(name) != with_defaults(block)]
    if differing or not variants:
        found.append(f"variants differ from {path}: {', '.join(differing) or 'it fixes none'}")
    return found + _used_seeds(study, records) + _origin(study, has_record, path)


def _used_seeds(study: StudyFacts, records: StudyRecords) -> list[str]:
    """Seeds that pilot, tuning or demos have used already."""
    pilot, tuning = records.preregistration.pilot, records.tuning
    taken = {*DEMO_SEEDS, *RESERVED_SEEDS, *(pilot.seeds if pilot else ()), *(tuning.budget.seeds if tuning else ())}
    used = sorted(taken & {seed + offset for seed in study.seeds for offset in (0, *study.seed_offsets.values())})
    return [f"seeds of pilot, tuning or demos: {', '.join(map(str, used))}"] if used else []


def _origin(study: StudyFacts, has_record: dict[str, bool | None], path: str) -> list[str]:
    """Runs whose commit is not known or not found, does not contain the record, or is not what was run."""
    commits = [run["commit"] for run in study.provenance]
    unknown = commits.count(UNKNOWN)
    known = sorted(set(commits) - {UNKNOWN})
    absent = [commit[:10] for commit in known if has_record[commit] is None]
    others = [commit[:10] for commit in known if has_record[commit] is False]
    dirty = sum(run["dirty"] is True for run in study.provenance)
    found = [f"{unknown} runs of no known commit"] if unknown else []
    if absent:
        found.append(f"commits of runs that this clone, perhaps a shallow one, does not have: {', '.join(absent)}")
    if others:
        found.append(f"commits of runs without exactly this {path}: {', '.join(others)}")
    return found + ([f"{dirty} runs from a checkout with changes (dirty)"] if dirty else [])


def committed(root: Path, path: Path, commits: Iterable[str]) -> dict[str, bool | None]:
    """Commit → whether it contains `path`, a file under `root`, as it is now; None for a commit that git does not find.

    Contents are compared as git stores them: a clone with core.autocrlf has other line ends on the disk.
    """
    return {commit: _contains(root, path, commit) for commit in sorted(set(commits) - {UNKNOWN})}


def _contains(root: Path, path: Path, commit: str) -> bool | None:
    name = path.relative_to(root).as_posix()
    try:
        if not is_checkout(root):
            return None
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitError:
        return None
    try:
        return git(root, "rev-parse", f"{commit}:./{name}") == git(root, "hash-object", f"--path={name}", name)
    except GitError:
        return False
