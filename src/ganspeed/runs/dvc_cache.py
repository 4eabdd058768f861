"""Finished runs that DVC's cache still has, where neither artifacts/ nor the run cache has them.

`dvc exp apply` and `dvc checkout` replace artifacts/ by other runs without moving those that were there.
"""

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ganspeed.errors import UserError
from ganspeed.runs.cache import matches
from ganspeed.runs.record import RUN_JSON
from ganspeed.runs.spec import RunSpec
from ganspeed.runs.store import RunStore
from ganspeed.system.files import copy, move, read_json, temporary_folder
from ganspeed.system.git import GitError, git, is_checkout
from ganspeed.workspace import DVC_RESULTS, Workspace

Files = dict[str, Path]  # path below an output of a stage → its object in DVC's cache


def restore_from_dvc(workspace: Workspace, specs: list[RunSpec]) -> None:
    """Copy those of these runs to the run cache that dvc.lock names, here, at HEAD or in an experiment of DVC.

    Their provenance goes with them. A run that is damaged in DVC's cache, or not in it any more, is passed over.
    """
    missing = list(specs)
    if not missing or not (workspace.root / ".dvc").is_dir():
        return
    files_of = _objects(workspace.root)
    for outputs in _recorded_outputs(workspace.root):
        missing = [spec for spec in missing if not _restore(workspace, spec, outputs, files_of)]


def _objects(root: Path) -> Callable[[str | None], Files]:
    """A function: the hash of a folder, as dvc.lock has it, → its files; none where the cache lacks their list."""
    try:
        from dvc.exceptions import DvcException  # takes a second, and is needed only before a training of minutes
        from dvc.repo import Repo

        objects = Repo(str(root)).cache.local
    except ImportError:  # a machine that only trains may be without DVC
        return lambda digest: {}
    except DvcException:  # such as no .git
        return lambda digest: {}

    @cache
    def files_of(digest: str | None) -> Files:
        try:
            entries = read_json(Path(objects.oid_to_path(digest or "")))
            return {entry["relpath"]: Path(objects.oid_to_path(entry["md5"])) for entry in entries}
        except (OSError, UserError, TypeError, KeyError):
            return {}

    return files_of


def _recorded_outputs(root: Path) -> Iterator[dict[str, str]]:
    """Output → its hash, of the stages in each dvc.lock: the file here, that of HEAD, those of DVC's experiments."""
    lock, texts = root / DVC_RESULTS[0], []
    if lock.is_file():
        texts.append(lock.read_bytes())
    if is_checkout(root):
        experiments = git(root, "for-each-ref", "--format=%(objectname)", "refs/exps").decode().split()
        for commit in ("HEAD", *experiments):
            try:
                texts.append(git(root, "show", f"{commit}:{DVC_RESULTS[0]}"))
            except GitError:  # without one
                continue
    for text in dict.fromkeys(texts):
        try:
            stages = YAML(typ="safe").load(text)["stages"].values()
            yield {out["path"]: out.get("md5") for stage in stages for out in stage.get("outs", ())}
        except (YAMLError, TypeError, KeyError, AttributeError):
            continue


def _restore(
    workspace: Workspace, spec: RunSpec, outputs: dict[str, str], files_of: Callable[[str | None], Files]
) -> bool:
    """Copy one run if these outputs have it."""
    folder, provenance = (
        path.relative_to(workspace.root).as_posix()
        for path in (
            workspace.runs(spec.dataset, spec.variant),
            workspace.provenance(spec.dataset, spec.variant, spec.seed).parent,
        )
    )
    prefix = f"seed-{spec.seed}/"
    run = {name.removeprefix(prefix): path for name, path in files_of(outputs.get(folder)).items() if prefix in name}
    if RUN_JSON not in run or not _is_of(run[RUN_JSON], spec.fingerprint):
        return False
    target = RunStore(workspace).cache_folder(spec)
    with temporary_folder(target) as new:
        try:
            _copy(run, new / "run")
            note = files_of(outputs.get(provenance)).get(f"seed-{spec.seed}.json")
            _copy({"provenance.json": note} if note else {}, new)
        except UserError:  # an object that was there is not any more
            return False
        if not matches(new / "run", spec.fingerprint):
            return False
        shutil.rmtree(target, ignore_errors=True)  # what was trained of it since
        move(new, target)
    return True


def _is_of(run_json: Path, fingerprint: str) -> bool:
    try:
        return read_json(run_json)["fingerprint"] == fingerprint
    except (OSError, UserError, TypeError, KeyError):
        return False


def _copy(files: Files, folder: Path) -> None:
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(path, folder / name)
