"""The course's secret, from which every challenge's seed is drawn."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from autograder import GraderFault

VARIABLE = "AUTOGRADER_SECRET"
FILE = Path(".autograder") / "secret"


def course_secret(course_root: Path) -> str:
    """Return the course's secret: of the environment, else of a file that is made at first use.

    Keep the file: with another secret a re-grade draws other challenges. Give it to nobody: who
    has it can foresee them.

    Raises:
        GraderFault: the file is empty.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return given
    path = course_root / FILE
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = path.read_text(encoding="utf-8").strip()
        if not kept:
            raise GraderFault(
                f"{path} is empty, so anybody could foresee the challenges: restore it, or remove "
                "it for a new one"
            ) from None
        return kept
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32))
    return path.read_text(encoding="utf-8").strip()
