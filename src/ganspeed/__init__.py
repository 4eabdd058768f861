"""ganspeed: which way of training a GAN converges faster, and is the difference real?"""

from ganspeed import source_files  # noqa: F401 first: it hashes what the process goes on to import

__version__ = "0.1.0"
