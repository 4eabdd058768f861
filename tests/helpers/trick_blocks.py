"""A block of every trick that does something, and one under which it does nothing."""

ACTIVE = {
    "content": {"weight": 2.0, "adversarial": 0.1},
    "image_noise": {"sd": 0.3, "until": 0.6},
    "jacobian": {"weight": 1.0, "low": 1.0, "high": 20.0, "step": 0.5},
    "perturbation": {"radius": 0.05},
}
NEUTRAL = {
    "content": {"weight": 0.0, "adversarial": 1.0},
    "image_noise": {"sd": 0.0},
    "jacobian": {"weight": 0.0, "low": 1.0, "high": 20.0, "step": 0.5},
    "perturbation": {"radius": 0.0},
}
