"""On PYTHONPATH, this folder makes of a process one on a machine where MLflow is not installed."""

import sys

sys.modules["mlflow"] = None
