import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from auditlens.gather.memory import keep_freed_memory

if {kept}:
    assert keep_freed_memory()
np.ones(30_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(30_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept):
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(kept=kept)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_large_buffers_are_not_mapped_anew():
    assert faults(kept=True) < faults(kept=False) / 5
