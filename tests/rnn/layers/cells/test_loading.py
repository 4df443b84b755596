"""Cells are loaded when they are named, also by two threads at once."""

import subprocess
import sys

LOADED_TWICE = """
import sys, threading, time
from elman.rnn.layers import recurrent
thread = threading.Thread(target=recurrent.cell_named, args=("gru",))
thread.start()
while "gru" not in recurrent._registered:
    time.sleep(0)
recurrent.cell_named("gru")
print(hasattr(sys.modules["elman.rnn.layers.cells.gru"], "_states"))
thread.join()
"""


def test_a_cell_that_another_thread_is_loading_is_waited_for(checkout):
    done = subprocess.run(
        [sys.executable, "-c", LOADED_TWICE], capture_output=True, text=True, cwd=checkout, check=True
    )
    assert done.stdout == "True\n"
