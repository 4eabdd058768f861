"""For the forkserver's preload: MLflow and its database's code, imported with the settings that go with it."""

from importlib import import_module

from ganspeed.tracking.client import DATABASE_MODULE, import_mlflow

import_mlflow()
import_module(DATABASE_MODULE)
