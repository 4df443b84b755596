"""Settings that thread pools and vector code of all peers read when they are loaded: set before imports."""

import os
import sys

HELP = "no vectors of 512 bits, as on older machines"


def limit_pools() -> None:
    """One thread a pool; with `--avx2` on the command line, no vectors of 512 bits where that can be told.

    MKL heeds its variable on Intel alone, ONNX Runtime has none.
    """
    for pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[pool] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    if "--avx2" in sys.argv:
        os.environ["XLA_FLAGS"] += " --xla_cpu_max_isa=AVX2"
        os.environ |= {
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
            "NUMBA_CPU_NAME": "haswell",
            "NUMBA_CPU_FEATURES": "+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt",
        }
