"""A benchmark's table, printed and kept with the machine that it is from."""

import os
import platform
from datetime import date
from pathlib import Path

import pandas as pd
import torch

from ganspeed.system.devices import device_name, select_device


def print_table(table: pd.DataFrame, to: Path | None) -> None:
    """Print the table with machine, versions and date beside every row; write it to a CSV file if asked."""
    table = table.assign(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        device=device_name(select_device()),
        python=platform.python_version(),
        torch=torch.__version__,
        date=date.today().isoformat(),
    )
    print(table.to_string(index=False))
    if to:
        to.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(to, index=False)


def _processor() -> str:
    """The CPU's model, as Linux names it."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    models = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
