"""Settles what the process and its workers inherit."""

import gc
import os

from autograder.batch.interrupts import leave_interrupts_to_the_driver

leave_interrupts_to_the_driver()

# Nothing imported is garbage, and looking takes a fourth of the time. imports.py enables it again.
gc.disable()

# A worker has one core. These are read when the libraries are imported.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
