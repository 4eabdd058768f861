"""Importing this module first makes a script run the package beside it and end in one line on Ctrl-C.

An experiment of DVC, a copy and a git worktree have their own code, but share the environment they were made from,
whichever package is installed in it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from ganspeed.system.shutdown import end_at_once_on_interrupt

end_at_once_on_interrupt()  # from here on: the imports of a stage take seconds
