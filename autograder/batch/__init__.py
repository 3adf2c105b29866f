"""A class: what is due goes to workers, what comes back is kept, and any run can be killed.

grade_class.py         drives a run; _run.py is one with everything open, run_records.py its records
cluster.py             the only file that knows Dask
task.py                one hand-in, as a worker grades it: data in, data out
_result_store.py       keeps a result: gradebook, files, then a line in the ledger
gradebook.py           the one writer to nbgrader's gradebook; database.py is its connection
late_penalties.py      what they are now, and what stands
ledger.py              what was graded, and from what; _held_results.py, what is not written yet
atomic_files.py        a reader finds a whole file or none
progress.py            shows a run, and logs it
interrupts.py          Ctrl-C is the driver's alone
forkserver_preload/    what workers have imported before they start
"""
