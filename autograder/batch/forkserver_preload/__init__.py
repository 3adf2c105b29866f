"""What the process that workers are forked of does first, in its modules' order: by importing them.

So it is done once for all workers of a machine, beside the driver's own start, and its memory is
shared. multiprocessing's fork server knows no other way than to import.

    first.py     signals, threads, temporary files
    kernels.py   starts the fork server of kernels: it imports in its sandbox, at the same time
    imports.py   what grading a hand-in imports
"""

from multiprocessing import forkserver, resource_tracker

from autograder.batch.interrupts import interrupts_later
from autograder.checking.assignments import module_name, own_folder


def start(assignment: str, *, forks: bool) -> None:
    """Start that process and return at once. A later call changes nothing.

    Args:
        assignment: which one workers grade.
        forks: whether kernels are forked: then of one server for all workers.
    """
    # A course's own lies in no package that this process knows: it is made with the kit.
    own = own_folder(assignment) is not None
    checks = "autograder.checking.kit" if own else module_name(assignment, "checks")
    kernels = [f"{__name__}.kernels"] if forks else []
    forkserver.set_forkserver_preload(
        [
            f"{__name__}.first",
            *kernels,
            checks,
            f"{__name__}.imports",
        ]
    )
    resource_tracker.ensure_running()  # it would let interrupts through
    with interrupts_later():
        forkserver.ensure_running()
