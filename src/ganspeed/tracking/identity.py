"""Which study this is: what tells its runs from those of other studies in a store that several use."""

import secrets

from ganspeed.errors import UserError
from ganspeed.system.files import read_json_if_exists, write_json
from ganspeed.workspace import Workspace


def study_id(workspace: Workspace) -> str:
    """8 hexadecimal digits, written beside params.yaml on first use, where git ignores them.

    A study that was moved keeps its id: its folder has the same number in the file system. A copy has neither the
    path nor the number that were written, and gets an id of its own. The caller holds the lock of the study's MLflow.
    """
    root = workspace.root.resolve()
    place = {"root": str(root), "inode": root.stat().st_ino}
    try:
        known = read_json_if_exists(workspace.identity)
        found = {name: known[name] for name in place}
        own = known["id"] if found["root"] == place["root"] or found["inode"] == place["inode"] else None
    except (UserError, TypeError, KeyError):  # not written yet, or damaged
        own, found = None, {}
    if own is None or found != place:
        own = own or secrets.token_hex(4)
        write_json(workspace.identity, {"id": own, **place})
    return own
