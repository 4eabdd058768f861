"""The detectors: a file each, with its DETECTOR."""
