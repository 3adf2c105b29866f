"""Whether the installed nbgrader can work with a gradebook, before it falls over it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path

import nbgrader.dbutil
from alembic.script import ScriptDirectory
from nbgrader.api import Base
from sqlalchemy import Inspector, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from autograder import GraderFault


def require_usable_gradebook(db_url: str) -> None:
    """Check that a gradebook is one, of the installed nbgrader's kind; a new one is made later.

    Raises:
        GraderFault: it is not; the message says what to do.
    """
    url = make_url(db_url)
    path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    if path is not None and not path.exists():
        return
    engine = create_engine(db_url)
    try:
        tables = inspect(engine).get_table_names()
        if "assignment" not in tables:  # nbgrader has not been here yet
            return
        if "alembic_version" not in tables and _has_all_columns(inspect(engine)):
            return  # made by the models of the installed nbgrader, without a number
        with engine.connect() as connection:
            stands = (
                connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                if "alembic_version" in tables
                else None
            )
    except DatabaseError as error:
        if "is locked" in str(error.orig):
            return  # whoever works with it waits
        raise GraderFault(
            f"the gradebook {path or url.database} cannot be read ({error.orig}): restore your "
            "last copy of it, or move it away; then a new one is made"
        ) from error
    finally:
        engine.dispose()
    newest, known = _revisions()
    if stands == newest:
        return
    if stands is None or stands in known:
        raise GraderFault(
            "the gradebook was made by an older nbgrader: run `nbgrader db upgrade` in the "
            "course's folder, which keeps a copy of it"
        )
    raise GraderFault(
        f"the gradebook was made by a newer nbgrader than the {version('nbgrader')} that is "
        "installed: pip install --upgrade nbgrader"
    )


def _has_all_columns(found: Inspector) -> bool:
    """Return whether the tables that are there have the columns of the installed nbgrader's."""
    return all(
        {column.name for column in table.columns} <= {c["name"] for c in found.get_columns(name)}
        for name, table in Base.metadata.tables.items()
        if found.has_table(name)
    )


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    """Return the installed nbgrader's own revision of the database, and all that it knows."""
    scripts = ScriptDirectory(nbgrader.dbutil.ALEMBIC_DIR)
    known = frozenset(script.revision for script in scripts.walk_revisions())
    return scripts.get_current_head(), known
