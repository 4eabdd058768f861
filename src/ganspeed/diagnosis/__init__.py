"""What is wrong with a run, since when, and what may be tried? Detectors read what a run did, never what was asked.

One detector, one file of the folder detectors/; the file's name is the detector's name. It asks of a run's evidence
what its columns and scores can answer, and stays silent where they are missing. See docs/diagnosis.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from ganspeed.params.blocks import Diagnosis

NO_SCORES = pd.DataFrame({"update": [], "metric": [], "value": np.array([], dtype=float)})


class EvidenceError(Exception):
    """What a question needs is not there; the message says what."""


@dataclass(frozen=True)
class Evidence:
    """What one run left behind, or a person's own log, or one look at a pair of networks."""

    history: pd.DataFrame  # rows of history.csv in their order; what a run does not log is no column or all NaN
    scores: pd.DataFrame | None = field(default_factory=lambda: NO_SCORES)  # update, metric, value; None: never scored
    logits: bool | None = None  # whether the loss takes D's scores for logits; None: not known
    diverged_at: int | None = None  # the first update with a value that is not finite
    pixel_gaussian: float | None = None  # cfid of Gaussian noise with the pixels' mean and covariance: a bad one
    tau25: float | None = None  # the easier threshold of cfid
    real_modes: float | None = None  # the metric `modes` of real images
    one_look: bool = False  # at networks rather than a log: what takes several rows is seen in one

    def rows(self, *columns: str) -> pd.DataFrame:
        """These columns by update, where all of them have a value. Raises EvidenceError where they have none."""
        updates, values = self._values(*columns)
        return pd.DataFrame(values, index=updates)

    def column(self, name: str) -> pd.Series:
        """The values of a column by update. Raises EvidenceError where it has none."""
        updates, values = self._values(name)
        return pd.Series(values[name], index=updates)

    def metric(self, name: str) -> pd.Series:
        """The values of a metric by update. Raises EvidenceError where it was not scored."""
        if self.scores is None:
            raise EvidenceError("samples are not scored")
        updates, names, values = self._score_columns
        asked = (names == name) & ~np.isnan(values)
        if not asked.any():
            raise EvidenceError(f"no scores of {name}")
        return pd.Series(values[asked], index=updates[asked]).sort_index()

    def _values(self, *columns: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The updates of the rows in which all of these columns have a value, and the values."""
        there = {name: self._columns[name] for name in columns if name in self._columns}
        if missing := [name for name in columns if name not in there or np.isnan(there[name]).all()]:
            raise EvidenceError(f"no column {', '.join(missing)}")
        whole = ~np.isnan(list(there.values())).any(axis=0)
        if not whole.any():
            raise EvidenceError(f"no row with {' and '.join(columns)}")
        return self._columns["update"][whole].astype(int), {name: values[whole] for name, values in there.items()}

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        """The numbers of the history; hundreds of runs are asked, and a table of pandas is slow to take apart."""
        numbers = self.history.select_dtypes("number")
        return dict(zip(numbers, numbers.to_numpy(float).T, strict=True))

    @cached_property
    def _score_columns(self) -> tuple[np.ndarray, ...]:
        return tuple(self.scores[name].to_numpy() for name in ("update", "metric", "value"))

    def enough(self, rows: int) -> int:
        """How many rows in a row show what lasts."""
        return 1 if self.one_look else rows

    @property
    def end(self) -> int:
        """The update of the last row."""
        return int(self.history["update"].iloc[-1]) if len(self.history) else 0

    def known(self, name: str) -> float:
        """What is known of real images or thresholds. Raises EvidenceError where it is not."""
        value = getattr(self, name)
        if value is None:
            raise EvidenceError(f"{name} is not known")
        return value


@dataclass(frozen=True)
class Sign:
    """What a detector has seen in a run. One whose signs differ in meaning has title and texts in each of them."""

    since: int  # the update
    what: str  # was measured
    value: float | None = None
    relation: str = ""  # of the value to the bound: "<", "<=" or ">"
    bound: float | None = None
    title: str = ""
    means: str = ""
    advice: str = ""

    def __str__(self) -> str:
        return self.what if self.value is None else f"{self.what}: {self.value:.3g} {self.relation} {self.bound:.3g}"


Question = Callable[[Evidence, Diagnosis], Sign | None]


@dataclass(frozen=True)
class Detector:
    """One finding: the questions each of which can raise it, and its texts."""

    number: int  # its place in every table
    title: str
    questions: tuple[Question, ...]
    means: str  # one or two sentences, of what the signs say
    advice: str  # one or two sentences, with keys of params.yaml to change


@dataclass(frozen=True)
class Finding:
    """A detector's finding on a run."""

    name: str  # of the detector: its file
    title: str
    signs: tuple[Sign, ...]
    means: str
    advice: str

    @property
    def since(self) -> int:
        """The update at which the first of its signs begins."""
        return min(sign.since for sign in self.signs)

    @property
    def statistic(self) -> str:
        """Every sign's value against its bound."""
        return "; ".join(map(str, self.signs))


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """The findings on a run, in the detectors' order; printed, they are a table with what to try."""

    found: tuple[Finding, ...]
    not_asked: Mapping[str, str]  # detector → what it lacked; one that is in neither was asked and found nothing

    def __getitem__(self, place):
        return self.found[place]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    @property
    def names(self) -> list[str]:
        return [finding.name for finding in self.found]

    def __str__(self) -> str:
        from ganspeed.diagnosis.text import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from ganspeed.diagnosis.text import html_of

        return html_of(self)


@cache
def all_detectors() -> Mapping[str, Detector]:
    """Name → detector, in the order of their numbers: the files of the folder."""
    names = (path.stem for path in (Path(__file__).parent / "detectors").glob("*.py") if path.stem != "__init__")
    found = {name: import_module(f"{__name__}.detectors.{name}").DETECTOR for name in names}
    return dict(sorted(found.items(), key=lambda item: item[1].number))


def diagnosed(evidence: Evidence, bounds: Diagnosis) -> Findings:
    """Ask every detector."""
    found, not_asked = [], {}
    for name, detector in all_detectors().items():
        answers, lacked = [], []
        for question in detector.questions:
            try:
                answers.append(question(evidence, bounds))
            except EvidenceError as reason:
                lacked.append(str(reason))
        if signs := tuple(sign for sign in answers if sign):
            found.append(_finding(name, detector, signs))
        elif not answers:
            not_asked[name] = "; ".join(dict.fromkeys(lacked))
    return Findings(tuple(found), not_asked)


def _finding(name: str, detector: Detector, signs: tuple[Sign, ...]) -> Finding:
    title, means, advice = (
        separator.join(dict.fromkeys(getattr(sign, text) or getattr(detector, text) for sign in signs))
        for text, separator in (("title", ", "), ("means", " "), ("advice", " "))
    )
    return Finding(name, title, signs, means, advice)
