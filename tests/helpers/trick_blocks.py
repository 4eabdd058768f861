"""A block of every trick that does something, and one under which it does nothing."""

ACTIVE = {"image_noise": {"sd": 0.3, "until": 0.6}, "perturbation": {"radius": 0.05}}
NEUTRAL = {"image_noise": {"sd": 0.0}, "perturbation": {"radius": 0.0}}
