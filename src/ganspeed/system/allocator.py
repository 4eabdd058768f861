"""How malloc treats the memory of tensors that were freed."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def retain_freed_blocks() -> None:
    """Make malloc retain freed blocks of up to 1 GiB in this process, for its next tensors.

    By default glibc's malloc returns large blocks to the kernel and gets them again page by page, each zeroed. Other C
    libraries are left as they are.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)
