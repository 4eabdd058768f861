"""Each choice that the networks' blocks leave, in few networks."""

# Choices of G stand beside those of D where neither hides what the other does.
CHOICES = {
    "D batch": {"D": {"norm": "batch"}},
    "layer": {"G": {"norm": "layer"}, "D": {"norm": "layer"}},
    "D instance": {"D": {"norm": "instance"}},
    "D spectral": {"D": {"norm": "spectral"}},
    "G none, tanh": {"G": {"norm": "none", "act": "tanh"}, "D": {"act": "tanh"}},
    "dropout": {"G": {"dropout": 0.3}, "D": {"dropout": 0.3}},
    "leaky, relu": {"G": {"act": "leaky", "norm_at": "after"}, "D": {"act": "relu"}},
    "pool": {"D": {"down": "pool"}},
    "pyramid": {"D": {"body": "pyramid"}},
    "mlp": {"G": {"body": "mlp"}, "D": {"body": "mlp"}},
    "planes": {"labels": "planes"},
    "standard": {"range": "standard", "G": {"output": "none"}},
    "unit, uniform, xavier": {
        "range": "unit", "G": {"output": "sigmoid"}, "latent": {"law": "uniform"}, "init": "xavier",
    },
}  # fmt: skip
