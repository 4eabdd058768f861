"""For the forkserver's preload: MLflow and its database's code, imported with the settings that go with it."""

from ganspeed.tracking.importing import import_backend

import_backend("sqlite:///")
