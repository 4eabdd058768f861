"""ganspeed: which way of training a GAN converges faster, and is the difference real?"""

from ganspeed import source_files  # noqa: F401 first: it hashes what the process goes on to import

__version__ = "0.1.0"


def __getattr__(name: str):
    """`ganspeed.diagnose`, of a GAN of one's own, with torch: imported when it is asked for."""
    if name == "diagnose":
        from ganspeed.diagnosis.own_gan import diagnose

        return diagnose
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
