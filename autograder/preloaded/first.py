"""Settles what the process and its workers inherit."""

import os

from autograder.interrupts import leave_interrupts_to_the_driver

leave_interrupts_to_the_driver()

# A worker has one core. These are read when the libraries are imported.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
