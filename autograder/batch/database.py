"""The connection to the gradebook's database: one transaction at a time, patient with locks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from nbgrader.api import Gradebook
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from autograder import GraderFault
from autograder.course.gradebook_file import require_usable_gradebook

Result = TypeVar("Result")

TRY_S = 5.0  # how long the database itself waits for a lock before it says so
PATIENCE_S = 600.0
# PostgreSQL's states: no lock to be had, deadlock, not serialisable.
_LOCKED = ("55P03", "40P01", "40001")


class Database:
    """nbgrader's database, SQLite's or PostgreSQL's; made if it is not there yet.

    Args:
        url: of the database, as in `c.CourseDirectory.db_url`.
        course_id: of the course.
        on_wait: told while another program keeps the database locked.
        try_s: wall time in seconds after which a locked database is tried again.
        patience_s: wall time in seconds after which that is given up.

    Raises:
        GraderFault: it cannot be opened.
    """

    def __init__(
        self,
        url: str,
        course_id: str,
        *,
        on_wait: Callable[[str], None] = lambda text: None,
        try_s: float = TRY_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._on_wait, self._patience_s = on_wait, patience_s
        require_usable_gradebook(url)
        self._retried(lambda: Gradebook(url, course_id).close())
        self._engine = _engine(url, try_s)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returns, done wholly and for good, or not at all.

        Args:
            work: may be called more than once: what it did before is then undone.

        Raises:
            GraderFault: it was not done.
        """

        def once() -> Result:
            with self._engine.begin() as connection:
                return work(connection)

        return self._retried(once)

    def _retried(self, work: Callable[[], Result]) -> Result:
        started = time.monotonic()
        while True:
            try:
                return work()
            except OperationalError as error:
                waited_s = time.monotonic() - started
                if not _is_locked(error):
                    raise GraderFault(f"the gradebook could not be used: {error.orig}") from error
                if waited_s >= self._patience_s:
                    raise GraderFault(
                        f"another program has kept the gradebook locked for {waited_s:.0f} s: "
                        "close it (a formgrader, a database browser?)"
                    ) from error
                self._on_wait(
                    f"another program keeps the gradebook locked; waiting for {waited_s:.0f} s now"
                )


def _engine(url: str, try_s: float) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, connect_args={"options": f"-c lock_timeout={try_s * 1000:.0f}"})
    engine = create_engine(url, connect_args={"timeout": try_s})

    # Python's sqlite3 begins a transaction at its first write. So that what was read before still
    # holds then, the lock is taken first.
    # Source: SQLAlchemy's documentation of SQLite, "Serializable isolation / Savepoints".
    @event.listens_for(engine, "connect")
    def leave_begin_to_us(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _is_locked(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _LOCKED or "is locked" in str(error.orig)
