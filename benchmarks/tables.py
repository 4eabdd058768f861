"""A benchmark's table, printed and kept with the machine that it is from."""

import os
from datetime import date
from pathlib import Path

import pandas as pd
import torch

from ganspeed import execute


def tell(table: pd.DataFrame, to: Path | None) -> None:
    """Print the table with cores, device, torch and date beside every row; write it to a CSV file if asked."""
    table = table.assign(
        cores=len(os.sched_getaffinity(0)),
        device=execute.device_name(execute.device()),
        torch=torch.__version__,
        date=date.today().isoformat(),
    )
    print(table.to_string(index=False))
    if to:
        to.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(to, index=False)
