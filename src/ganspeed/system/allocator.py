"""What a process does with the memory of tensors that it has freed."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def retain_freed_blocks() -> None:
    """From now on this process keeps what it frees, up to 1 GiB at a time, for its next tensors.

    glibc's malloc by default gives large blocks back and gets them again page by page, each zeroed by the kernel. Other
    C libraries are left as they are.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)
