"""Memory that was freed is used again."""

import subprocess
import sys

FAULTS = """
import resource, sys
from ganspeed.system.allocator import retain_freed_blocks

if sys.argv[1] == "retained":
    retain_freed_blocks()
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [bytearray(48 << 20), bytearray(8 << 20)]
    del tensors
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults_of_the_second_time(how: str) -> int:
    """Pages that the kernel had to hand out, when as much as was just freed is asked for again."""
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_what_was_freed_is_not_asked_of_the_kernel_again():
    assert faults_of_the_second_time("retained") < 100 < faults_of_the_second_time("as it comes")
