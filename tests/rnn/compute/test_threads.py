"""Settings of a process that computes: freed memory stays with it."""

import ctypes
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from elman.rnn.compute.threads import single_threaded

if "computing" in sys.argv:
    single_threaded()
ready = [np.ones(1 << 20) for _ in range(4)]
del ready
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    some = [np.ones(1 << 20) for _ in range(4)]
    del some
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    """Page faults of a process that makes and frees 32 MiB twenty times over."""
    return int(subprocess.check_output([sys.executable, "-c", FAULTS, *arguments]))


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
def test_arrays_made_again_cost_no_page_faults_in_a_process_that_computes():
    assert faults("computing") < 100
    assert faults() > 200
