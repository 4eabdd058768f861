"""Importing this module first makes a script run the package beside it, whichever one is installed.

An experiment of DVC, a copy and a git worktree have their own code, but share the environment they were made from.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
