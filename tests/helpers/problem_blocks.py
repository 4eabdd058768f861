"""A block of every problem, for images of 8x8."""

PROBLEMS = {
    "upscale": {"name": "upscale", "factor": 2},
    "denoise": {"name": "denoise", "sd": 0.3},
    "mask": {"name": "mask", "size": 3},
}
