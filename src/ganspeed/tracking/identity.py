"""Which study this is: what tells its runs from those of other studies in a store that several use."""

import re
import secrets
from typing import Any

from ganspeed.errors import UserError
from ganspeed.system.files import read_json_if_exists, write_json
from ganspeed.workspace import Workspace


def study_id(workspace: Workspace) -> str:
    """8 hexadecimal digits, written beside params.yaml on first use, where git ignores them.

    A study that was moved keeps its id: its folder has the same number in the same file system. A copy has neither the
    path nor the numbers that were written, and gets an id of its own. The caller holds the lock of the study's MLflow.
    """
    root = workspace.root.resolve()
    seen = root.stat()
    place = {"root": str(root), "inode": seen.st_ino, "device": seen.st_dev}
    try:
        known = read_json_if_exists(workspace.identity)
        found = {name: known[name] for name in place if name in known}  # those of former versions have no device
        moved = found["inode"] == place["inode"] and found.get("device", place["device"]) == place["device"]
        own = _checked(known["id"]) if found["root"] == place["root"] or moved else None
    except (UserError, TypeError, KeyError):  # not written yet, or damaged
        own, found = None, {}
    if own is None or found != place:
        own = own or secrets.token_hex(4)
        write_json(workspace.identity, {"id": own, **place})
    return own


def _checked(own: Any) -> str:
    """An id as it was written. Raises TypeError for anything else."""
    if not (isinstance(own, str) and re.fullmatch("[0-9a-f]{8}", own)):
        raise TypeError(own)
    return own
