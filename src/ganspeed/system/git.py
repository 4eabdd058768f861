"""Questions to git about one checkout, answered for its own folder whatever the environment says."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

# Variables that lead to another repository; git sets them where it runs a hook.
ELSEWHERE = {f"GIT_{name}" for name in (
    "ALTERNATE_OBJECT_DIRECTORIES", "CEILING_DIRECTORIES", "COMMON_DIR", "DIR", "GRAFT_FILE", "IMPLICIT_WORK_TREE",
    "INDEX_FILE", "NAMESPACE", "OBJECT_DIRECTORY", "PREFIX", "REPLACE_REF_BASE", "SHALLOW_FILE", "WORK_TREE",
)}  # fmt: skip


class GitError(Exception):
    """git's own reason for not answering."""


@cache
def is_checkout(root: Path) -> bool:
    """Whether `root` is the top folder of a checkout that git answers about; git's reason for refusing is printed once.

    A folder without .git has no commit of its own, even inside somebody else's checkout.
    """
    if not (root / ".git").exists():
        return False
    try:
        top = os.fsdecode(git(root, "rev-parse", "--show-toplevel")).removesuffix("\n")
        if not os.path.samefile(top, root):
            raise GitError(f"the top folder of this checkout is {top}")
    except GitError as error:
        print(f"git does not answer about {root}, so its commit is unknown: {error}", file=sys.stderr, flush=True)
        return False
    return True


def git(root: Path, *arguments: str) -> bytes:
    """What `git` prints in the folder `root`. Raises GitError when it fails or is not there."""
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE} | {"LC_ALL": "C"}
    try:
        done = subprocess.run(["git", *arguments], cwd=root, env=environment, check=False, capture_output=True)
    except OSError as error:
        raise GitError(f"{error.strerror}: git") from None
    if done.returncode:
        lines = os.fsdecode(done.stderr).strip().splitlines() or [f"exit status {done.returncode}"]
        raise GitError(lines[0])
    return done.stdout


def file_names(output: bytes) -> list[str]:
    """The names in the output of a command with -z, which quotes none of them."""
    return [os.fsdecode(name) for name in output.split(b"\0") if name]
