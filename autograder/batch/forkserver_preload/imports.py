"""Imports what a worker would import for its first hand-in."""

import gc
import importlib
import tempfile

_MODULES = (
    "autograder.batch.cluster",
    "distributed.nanny",
    "autograder.batch.task",
    "autograder.nbgrader_step",
    "sqlalchemy.dialects.sqlite",  # by the first gradebook
)
for _module in _MODULES:
    importlib.import_module(_module)

tempfile.tempdir = None  # each worker looks anew: it has a folder of its own
gc.collect()
gc.freeze()  # else the first collection of each worker would copy all of the memory
gc.enable()
