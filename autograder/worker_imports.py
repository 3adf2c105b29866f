"""Imported by the process that workers are forked of: what all of them import for their first task.

So it is imported once, and its memory is shared.
"""

import gc
import importlib
import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"  # a worker has one core; read when the libraries are imported

_MODULES = (
    "autograder.cli",  # of which a worker makes a copy of the driver's main module
    "distributed.nanny",
    "autograder.task",
    "autograder.nbgrader_step",
    "sqlalchemy.dialects.sqlite",  # by the first gradebook
    "torch._dynamo",  # by the first optimiser
)
for _module in _MODULES:
    importlib.import_module(_module)
gc.collect()
gc.freeze()  # else the first collection of each worker would copy all of the memory
