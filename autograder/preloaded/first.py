"""Settles what the process and its workers inherit."""

import os
import signal

# Ctrl-C reaches all processes of a terminal; the driver alone decides what it means. Not SIG_IGN,
# which the sandboxes' processes would inherit.
signal.signal(signal.SIGINT, lambda *ignored: None)

# A worker has one core. These are read when the libraries are imported.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
