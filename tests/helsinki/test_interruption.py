"""Requests to end that arrive while something is set up."""

import subprocess
import sys

# In a program of its own: multiprocessing starts its tracker once in a process's life.
_FIRST_PROCESS_OF_A_PROGRAM = """
import multiprocessing, signal
from examples.helsinki.interruption import held_back

if __name__ == "__main__":
    with held_back():
        multiprocessing.get_context("forkserver").Semaphore()
        print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_signals_stay_held_back_where_the_first_process_is_started() -> None:
    program = subprocess.run(
        [sys.executable, "-c", _FIRST_PROCESS_OF_A_PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert program.stdout == "True\n"
