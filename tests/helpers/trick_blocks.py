"""A block of every trick that does something, one under which it does nothing, and networks that it needs."""

ACTIVE = {
    "class_labels": {"smooth": 0.2, "sd": 0.3},
    "content": {"weight": 2.0, "adversarial": 0.1},
    "image_noise": {"sd": 0.3, "until": 0.6},
    "jacobian": {"weight": 1.0, "low": 1.0, "high": 20.0, "step": 0.5},
    "perturbation": {"radius": 0.05},
}
NEUTRAL = {
    "class_labels": {"smooth": 0.0, "sd": 0.0},
    "content": {"weight": 0.0, "adversarial": 1.0},
    "image_noise": {"sd": 0.0},
    "jacobian": {"weight": 0.0, "low": 1.0, "high": 20.0, "step": 0.5},
    "perturbation": {"radius": 0.0},
}
PLANES = {"labels": "planes"}
NETWORKS = {trick: PLANES if trick == "class_labels" else None for trick in ACTIVE}
