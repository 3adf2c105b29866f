"""The gradebook in PostgreSQL: a real server, from the programs that Debian's package installs.

They are looked for on the PATH and in /usr/lib/postgresql: `apt-get install postgresql`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from autograder.batch import grade_class
from autograder.batch.database import Database
from autograder.batch.grade_class import Selection
from autograder.maintain.bench.setting import cluster_in_threads
from tests.batch import cheap
from tests.conftest import ROOT, run_nbgrader

pytestmark = pytest.mark.slow


def _program(name: str) -> str:
    """Return the path of one of the server's programs."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = os.pathsep.join([os.environ["PATH"], *map(str, versions)])
    found = shutil.which(name, path=places)
    assert found, f"no {name}, on PATH or in /usr/lib/postgresql: apt-get install postgresql"
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The folder of the socket of a server of our own."""
    folder = tmp_path / "pg"
    folder.mkdir()
    options: dict[str, object] = {}
    if os.geteuid() == 0:  # the server refuses to run as root; Debian's package makes a user
        user = pwd.getpwnam("postgres")
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
        for parent in [tmp_path, *tmp_path.parents][:3]:  # pytest's own folders
            parent.chmod(0o755)

    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **options,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stdout + done.stderr

    data = str(folder / "data")
    run(_program("initdb"), "-D", data, "-U", "grader", "--auth=trust", "--no-sync")
    settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
    log = str(folder / "log")
    run(_program("pg_ctl"), "-D", data, "-w", "-l", log, "-o", settings, "start")
    try:
        yield str(folder)
    finally:
        run(_program("pg_ctl"), "-D", data, "-w", "-m", "fast", "stop")


def _rows(server: str) -> dict[str, list[tuple]]:
    with psycopg.connect(f"host={server} dbname=grades user=grader") as db:
        return cheap.read_rows(lambda query: db.execute(query).fetchall())


def test_a_gradebook_in_postgresql_has_the_rows_of_one_in_sqlite(
    server: str, fresh: Path, tmp_path: Path
) -> None:
    with psycopg.connect(f"host={server} dbname=postgres user=grader", autocommit=True) as db:
        db.execute("CREATE DATABASE grades")
    course = tmp_path / "other"
    shutil.copytree(ROOT / "source", course / "source")
    config = (fresh / "nbgrader_config.py").read_text()
    url = f"postgresql+psycopg://grader@/grades?host={server}"
    (course / "nbgrader_config.py").write_text(f"{config}\nc.CourseDirectory.db_url = {url!r}\n")
    run_nbgrader(course, "generate_assignment", "cnns")
    students = cheap.names(5)
    with cluster_in_threads(workers=2) as cluster:
        for folder in (fresh, course):
            cheap.hand_in(folder, students)

            def grade(folder: Path = folder, **selection: bool) -> grade_class.RunSummary:
                return grade_class.grade(
                    folder,
                    "cnns",
                    Selection(students, **selection),  # type: ignore[arg-type]
                    sandboxed=False,
                    scheduler=cluster.scheduler_address,
                    task=cheap.grade_cheaply,
                )

            assert [outcome.fault for outcome in grade().outcomes] == [""] * 5
            assert grade().unchanged == 5
            assert len(grade(force=True).outcomes) == 5
    assert _rows(server) == cheap.rows(fresh)


def test_a_lock_in_postgresql_is_waited_for(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = str(Path(sys.executable).parent)  # nbgrader calls alembic
    monkeypatch.setenv("PATH", os.pathsep.join([tools, os.environ["PATH"]]))
    said: list[str] = []
    with psycopg.connect(f"host={server} dbname=postgres user=grader", autocommit=True) as db:
        db.execute("CREATE DATABASE grades")
    where = f"host={server} dbname=grades user=grader"
    url = f"postgresql+psycopg://grader@/grades?host={server}"
    with psycopg.connect(where) as other:

        def hear(text: str) -> None:
            said.append(text)
            if len(said) == 2:
                other.commit()

        database = Database(url, "course", on_wait=hear, try_s=0.05)
        other.execute("LOCK TABLE student IN ACCESS EXCLUSIVE MODE")
        query = "INSERT INTO student (id) VALUES ('ada')"
        database.transaction(lambda db: db.exec_driver_sql(query))
        database.close()
    assert len(said) >= 2
    with psycopg.connect(where) as db:
        assert db.execute("SELECT id FROM student").fetchall() == [("ada",)]
