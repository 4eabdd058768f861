"""For the forkserver's preload: MLflow and its database's code, imported with the settings that go with it."""

from importlib import import_module

from ganspeed.tracking import store

store._mlflow()
import_module(store.DATABASES_CODE)
