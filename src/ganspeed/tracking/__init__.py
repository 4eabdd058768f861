"""The MLflow mirror: it shows what DVC's files hold, and may be down, empty or deleted without changing a result.

Only `store` imports mlflow, and only when something is to be shown: training and scoring work where it is not
installed.
"""

from ganspeed.tracking.live import Live
from ganspeed.tracking.mirror import Summary, mirror, mirror_safely
from ganspeed.tracking.server import serve
from ganspeed.tracking.store import TrackingError, experiment_name, tracking_uri
from ganspeed.tracking.view import view_url

__all__ = [
    "Live",
    "Summary",
    "TrackingError",
    "experiment_name",
    "mirror",
    "mirror_safely",
    "serve",
    "tracking_uri",
    "view_url",
]
