"""Model cards of runs and experiments: the method with its source, the data, what was measured, and limits."""

import ast
from typing import TYPE_CHECKING, Any

from ganspeed.params.blocks import Params
from ganspeed.params.objectives import OBJECTIVES, objective_declarations
from ganspeed.runs.record import block_of
from ganspeed.tracking.entities import Spec

if TYPE_CHECKING:
    from ganspeed.compare.comparison import Comparison
    from ganspeed.compare.summary import VariantSummary

LIMITS = """\
- A ranking of recipes says little about the methods unless all were tuned with an equal budget; whether they were, and
  whether the comparison is a demo, exploratory or confirmatory, stands with its reasons in `reports/index.html`.
- One run is one seed. Speeds are compared over paired seeds: by the runs that are named after a variant, and in
  `reports/index.html`.
- `cfid` is a Fréchet distance in the features of a small classifier trained in this pipeline. It is not FID and not
  comparable with published numbers.
- Losses are not comparable across variants: a critic's scale depends on its clip, weight and penalty.
- A group's mean leaves out diverged runs, which have no `final/` values; the report counts them.
- Times in the charts stand for generator updates (1 s each); they are no clock."""

LIMIT_OF_GAP = """\
- The distance that the penalty follows, the critic's gap, is a Wasserstein distance times a Lipschitz constant that the
  penalty's weight itself sets free: not the same yardstick throughout training."""


def describe_run(spec: Spec, outcome: str, split: str) -> str:
    """The description of a run, in Markdown; `outcome` is a sentence on how it ended."""
    data, train, networks, variant = (block_of(spec, name) for name in ("data", "train", "networks", "variant"))
    return f"""\
# {spec.variant} on {spec.dataset}, seed {spec.seed}

{outcome}

## Method
Objective `{variant["objective"]}`, with {_format_block(variant)}.

```
{_method(variant["objective"])}
```

## Data and training
Data set {spec.dataset} with {_format_block(data)}. Training: {_format_block(train)}.
Networks: {_format_block(networks)}.

## What was measured
Curves: losses, their terms, diagnostics and probes, at some forty updates of the generator at most. `{split}/...`:
scores of the snapshots against the {split} split; `final/...`: those of the last snapshot of a completed run.
`time_to_tau`: min(T, B), the updates of the generator until cfid stays at or below τ, or the budget B; `reached`:
whether it did (1 or 0); `log_area`: mean of log cfid over log updates; `best_cfid`, `last_cfid`: of all snapshots, of
the last one.
Tags `finding.<name>`: what `ganspeed diagnose` finds wrong with the run, and since which update.
Artifacts: sample grids at fixed z, `history.csv` with every logged row, the scores, the generator at its end.

## What this may not be taken to show
{_limits([variant])}
"""


def describe_variant(found: "VariantSummary", comparison: "Comparison", sentences: list[str]) -> str:
    """The description of the run that sums up a variant, in Markdown; sentences: of its comparisons."""
    told = "\n\n".join(sentences) or "The others are compared with this variant."
    return f"""\
{told}

Over its {found.n} runs, which stand below this one in the table of all runs: `time_to_tau` is the geometric mean of
min(T, B), the generator updates until cfid stays at or below τ = {comparison.thresholds.tau:.10g}, a run that never
gets there counting as the budget B = {comparison.thresholds.budget}; `reached` the number of runs that got there;
`log_area` the mean of log cfid over log updates; `speed_up_over_...` how many times sooner than that reference over
paired seeds. `..._low` and `..._high` are the limits of 95 % intervals.
"""


def describe_report(headline: str) -> str:
    """The description of the run that has the report, in Markdown."""
    return f"{headline}\n\nThe report is `index.html` under Artifacts.".lstrip()


def describe_earlier_runs() -> str:
    """The description of the run that all earlier ones are nested under, in Markdown."""
    return "Runs that params.yaml no longer names, that an edit has replaced, or that were stopped. They come back once\
 params.yaml asks for them again."


def describe_experiment(dataset: str, params: Params, headline: str = "", report: str = "") -> str:
    """The description of a data set's experiment, in Markdown; report: a link to it. The headline comes first."""
    block, grid = params.datasets[dataset], params.compare
    blocks = [params.variant(name).resolved() for name in grid.variants]
    objectives = sorted({variant["objective"] for variant in blocks})
    methods = "\n".join(f"- `{name}`: {_method(name).splitlines()[0]}" for name in objectives)
    link = f"The [report]({report}): " if report else ""
    seeds = ", ".join(map(str, grid.seeds))
    return f"""\
{headline or "Nothing is compared yet."}

{link}{params.report.title}

Data set {dataset}: {_format_block(block.data.model_dump(mode="json"))}.
Variants: {", ".join(grid.variants)}. Seeds: {seeds}. The same seed means the same data order, z and initial weights.

This is a mirror of the pipeline's files and may be deleted: `ganspeed track` fills it again. Runs that params.yaml no
longer names, or that an edit has replaced, lie below `earlier runs` with the tag `current` = `false`. The menu "Views"
has `speed`, a row a variant, and `runs`, grouped by variant.

## Objectives
{methods}

## What was measured
`{params.evaluate.split}/...`: scores against the {params.evaluate.split} split, from {block.evaluate.samples}
generated images at each snapshot. Runs with something wrong: search for a tag such as `finding.mode_collapse` with
``tags.`finding.mode_collapse` LIKE 'since%'``.

## What this may not be taken to show
{_limits(blocks)}
"""


def _limits(variants: list[dict[str, Any]]) -> str:
    """What runs of variants with these blocks may not be taken to show, in Markdown."""
    papers = {b["objective"]: objective_declarations(b["objective"]).our_reading_of for b in variants}
    lines = [
        f"- `{name}` is this project's reading of {paper}; it is not the paper's formula."
        for name, paper in sorted(papers.items())
        if paper
    ]
    lines += [LIMIT_OF_GAP] if any(b.get("distance") == "gap" for b in variants) else []
    return "\n".join([LIMITS, *lines])


def _method(objective: str) -> str:
    """The docstring of the objective's file, the only place that states the method, its source and its equation."""
    return ast.get_docstring(ast.parse((OBJECTIVES / f"{objective}.py").read_text(encoding="utf-8"))) or objective


def _format_block(block: dict[str, Any]) -> str:
    flat = ((f"{k}.{n}", v) for k, b in block.items() for n, v in (b.items() if isinstance(b, dict) else [("", b)]))
    return ", ".join(f"{name.rstrip('.')} {value}" for name, value in flat if name != "objective.")
