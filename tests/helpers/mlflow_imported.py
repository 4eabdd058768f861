"""For the forkserver's preload: MLflow and its database's code, imported with the settings that go with it."""

from importlib import import_module

from ganspeed.tracking.client import DATABASES_CODE, _mlflow

_mlflow()
import_module(DATABASES_CODE)
