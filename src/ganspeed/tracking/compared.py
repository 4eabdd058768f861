"""What the comparison of a data set says of its runs, as far as it is the comparison of the runs that are there.

`ganspeed.compare.comparison` is imported where it is used: that takes seconds, for which a stage that trains has no
use.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganspeed.compare.names import BEST_CFID, LAST_CFID, LOG_AREA, REACHED, TIME_TO_TAU
from ganspeed.system.files import read_json, reading
from ganspeed.tracking.run_files import RunFiles
from ganspeed.workspace import Workspace

if TYPE_CHECKING:
    from ganspeed.compare.comparison import Comparison

Cell = tuple[str, int]  # variant and seed


@dataclass(frozen=True)
class Compared:
    """The comparison of a data set, if there is one, and which of its runs are there as they were compared."""

    comparison: "Comparison | None"
    cells: frozenset[Cell]

    def is_of(self, cells: set[Cell]) -> bool:
        """Whether exactly these runs were compared, and are there."""
        seen = {(final.variant, final.seed) for final in self.comparison.final} if self.comparison else set()
        return bool(seen) and seen == cells == self.cells

    def values(self, cell: Cell, run: RunFiles) -> dict[str, float]:
        """The numbers of a run that belong to no update: its lowest and last cfid, how soon it got to tau."""
        return _cfid_values(run) | (_speed_values(self.comparison, *cell) if cell in self.cells else {})


def read_compared(workspace: Workspace, dataset: str, runs: Mapping[Cell, RunFiles]) -> Compared:
    """The comparison of a data set beside these runs. Raises UserError for a damaged file.

    A run is taken for the one that was compared if its last cfid is the one that was seen then.
    """
    from ganspeed.compare.comparison import Comparison
    from ganspeed.compare.rounding import rounded

    path = workspace.comparison(dataset)
    if not path.exists():
        return Compared(None, frozenset())
    with reading(path, "run the stage `compare`"):
        comparison = Comparison.from_json(read_json(path))
    seen = {(final.variant, final.seed): final.cfid for final in comparison.final}
    last = {cell: cfids[-1] for cell, run in runs.items() if (cfids := run.cfids())}
    there = {cell: rounded(cfid) if math.isfinite(cfid) else None for cell, cfid in last.items()}
    return Compared(comparison, frozenset(cell for cell, cfid in there.items() if cell in seen and seen[cell] == cfid))


def _cfid_values(run: RunFiles) -> dict[str, float]:
    cfids = run.cfids()
    finite = [value for value in cfids if math.isfinite(value)]
    values = {BEST_CFID: min(finite), LAST_CFID: cfids[-1]} if finite else {}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _speed_values(comparison: "Comparison", variant: str, seed: int) -> dict[str, float]:
    values = {}
    for time in comparison.times_of(variant, "tau"):
        if time.seed == seed:
            values |= {TIME_TO_TAU: float(time.time), REACHED: float(time.reached)}
    for area in comparison.areas:
        if (area.variant, area.seed) == (variant, seed) and area.area is not None:
            values[LOG_AREA] = area.area
    return values
