"""What dvc.yaml declares that a stage uses: its params by value, its sources by hash.

DVC records both when a stage has ended, as they are by then. What was edited while the stage ran would be recorded as
used, and the stage would never run again.
"""

from collections.abc import Mapping
from pathlib import Path
from pprint import saferepr
from typing import Any

from ganspeed.errors import UserError
from ganspeed.params.load import read_yaml
from ganspeed.source_files import is_litter, sha256

DVC_FILES = ("dvc.yaml", "studies/stages.yaml")
MADE_BY_STAGES = ("artifacts/", "data/")  # dependencies that no user edits, and that DVC locks while it runs a stage
Declared = dict[str, Any]  # dotted key of params.yaml → its value; file → its SHA-256; None for what is not there


def declared(
    root: Path, stage: str, item: dict[str, str], document: Any, hashes: Mapping[Path, str] | None = None
) -> Declared:
    """The declared params and sources of a stage as they are now; empty where no dvc.yaml has this stage.

    item: the stage's values of the matrix. document: what params.yaml holds. hashes: file → SHA-256 where it is known
    already. Raises UserError naming a declared key that the document lacks.
    """
    block = _block(root, stage)
    sources = [name for name in map(str, block.get("deps", ())) if not name.startswith(MADE_BY_STAGES)]
    found: Declared = {}
    if keys := block.get("params", ()):
        names = (_substituted(str(key), item, document) for key in keys)
        found |= {name: saferepr(_value(document, name)) for name in names}  # sorted, whatever the keys
    for path in sorted(path for name in sources for path in _files(root / name)):
        found[path.relative_to(root).as_posix()] = (hashes or {}).get(path) or sha256(path)
    return found


def changed(before: Declared, after: Declared) -> list[str]:
    """The names of what differs, sorted."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _block(root: Path, stage: str) -> dict:
    for name in DVC_FILES:
        if (root / name).exists():
            content = read_yaml(root / name)
            if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
                raise UserError(f"{root / name}: no mapping with the key stages; `git checkout {name}` restores it")
            if stage in content["stages"]:
                return content["stages"][stage]
    return {}


def _substituted(key: str, item: dict[str, str], document: Any) -> str:
    """A key with DVC's ${item.<name>} and ${<key of params.yaml>} replaced by their values."""
    before, found, rest = key.partition("${")
    if not found:
        return key
    name, _, after = rest.partition("}")
    value = item[name.removeprefix("item.")] if name.startswith("item.") else _value(document, name)
    return before + str(value) + _substituted(after, item, document)


def _value(document: Any, key: str) -> Any:
    """The value at a dotted key. Raises UserError where there is none."""
    for part in key.split("."):
        if not isinstance(document, dict) or part not in document:
            raise UserError(f"params.yaml: {key}: missing; dvc.yaml declares it for this stage")
        document = document[part]
    return document


def _files(path: Path) -> list[Path]:
    """The file itself, or every file below a folder but litter, which DVC does not look at either."""
    below = path.rglob("*") if path.is_dir() else [path]
    return [file for file in below if not file.is_dir() and not is_litter(file)]


SCRIPTS = {path: sha256(path) for path in Path(__file__).resolve().parent.glob("*.py")}  # as they were at the import
