"""ganspeed: which way of training a GAN converges faster, and is the difference real?"""

__version__ = "0.1.0"
