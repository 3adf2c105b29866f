"""The tree: imports point downward, assignments stand apart, what is private stays private."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT

# From the lowest to the highest: a folder imports from those before it alone.
LEVELS = (
    "course_utils",
    "autograder",  # its __init__: whose fault it was
    "autograder.inside",
    "autograder.sandbox",
    "autograder.checking",
    "autograder.assignments",
    "autograder.pages",
    "autograder.intake",
    "autograder.judging",
    "autograder.course",
    "autograder.inprocess",
    "autograder.nbgrader_step",
    "autograder.batch",
    "autograder.feedback",
    "autograder.report",
    "autograder.exports",
    "autograder.prepare",
    "autograder.commands",
    "autograder.__main__",
    "autograder.maintain",
)
Imports = Mapping[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Return each module of the two packages, by its dotted name."""
    paths = [*root.glob("autograder/**/*.py"), *root.glob("course_utils/**/*.py")]
    names = {".".join(path.relative_to(root).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


def imports(root: Path) -> dict[str, set[str]]:
    """Return what each module imports of the two packages, wherever in its code."""
    known = modules(root)
    found: dict[str, set[str]] = {}
    for module, path in known.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {name if name in known else node.module for name in whole}
        found[module] = named & known.keys() - {module}
    return found


def level(module: str) -> int:
    """Return how high a module stands."""
    fitting = [at for at, name in enumerate(LEVELS) if f"{module}.".startswith(f"{name}.")]
    return max(fitting, key=lambda at: len(LEVELS[at]))


def assignment(module: str) -> str | None:
    """Return the assignment that a module belongs to."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["autograder", "assignments"] and len(parts) > 2 else None


def broken_rules(found: Imports) -> list[str]:
    """Return each import that the design does not allow."""
    broken = []
    for module, named in found.items():
        for other in sorted(named):
            own, theirs = assignment(module), assignment(other)
            private = other.rpartition(".")[2].startswith("_") and other.count(".") > 1
            if level(other) > level(module):
                broken.append(f"upward: {module} -> {other}")
            if theirs and theirs != own and not module.startswith("autograder.maintain"):
                broken.append(f"an assignment by name: {module} -> {other}")
            if private and not f"{module}.".startswith(f"{other.rpartition('.')[0]}."):
                broken.append(f"private: {module} -> {other}")
    return broken


def circles(found: Imports) -> list[str]:
    """Return the modules that cannot be put in an order in which imports point back."""
    left = {module: set(named) for module, named in found.items()}
    while free := [module for module, named in left.items() if not named & left.keys()]:
        for module in free:
            del left[module]
    return sorted(left)


def test_no_import_breaks_a_rule_of_the_tree() -> None:
    found = imports(ROOT)
    assert len(found) > 150
    assert broken_rules(found) == []
    assert circles(found) == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("autograder.checking.pairing", "autograder.assignments.cnns.net.reference"),
        ("autograder.assignments.mlp.checks", "autograder.assignments.cnns.networks"),
        ("autograder.feedback", "autograder.assignments.cnns.lessons"),
        ("autograder.batch.task", "autograder.maintain.bench.setting"),
        ("autograder.sandbox.process", "autograder.judging._session"),
        ("autograder.inside.probe", "autograder.checking.student"),
        ("course_utils.data", "autograder.checking.challenge"),
    ],
)
def test_an_import_that_breaks_a_rule_is_found(module: str, imported: str) -> None:
    found = imports(ROOT)
    assert imported in found, "the import would be none"
    found[module].add(imported)
    assert any(imported in line for line in broken_rules(found))


def test_a_circle_is_found() -> None:
    found = imports(ROOT)
    found["autograder.intake._match"].add("autograder.intake._arrange")
    assert {"autograder.intake._match", "autograder.intake._arrange"} <= set(circles(found))


def test_only_one_folder_enters_the_process_of_a_hand_in() -> None:
    found = imports(ROOT)
    for module in [name for name in found if name.startswith("autograder.inside")]:
        allowed = ("autograder.inside", "course_utils")
        assert [name for name in found[module] if not name.startswith(allowed)] == []


def test_the_first_level_is_seen_at_one_glance() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "autograder"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    entries = {Path(path).parts[1] for path in listed}
    assert len(entries) <= 20, sorted(entries)
    for folder in [name for name in entries if "." not in name]:
        text = ast.get_docstring(
            ast.parse((ROOT / "autograder" / folder / "__init__.py").read_text())
        )
        assert text, f"{folder}/__init__.py does not say what the folder is for"


def test_one_word_means_one_thing() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for module, path in modules(ROOT).items():
        for node in ast.parse(path.read_text("utf-8")).body:
            for name in defined(node):
                homes[name].append(module)
    words = "Finding Course Student Trial Slot Entry Summary Cell Judge publish faults NAME"
    assert {word: homes[word] for word in words.split() if len(homes[word]) > 1} == {}
    assert homes["Judge"] == ["autograder.nbgrader_step"], "as configurations name it"


def defined(node: ast.stmt) -> Iterable[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def test_docstrings_begin_with_what_a_function_does() -> None:
    first = Counter(
        text.split()[0]
        for path in modules(ROOT).values()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (text := ast.get_docstring(node))
    )
    assert first["Return"] > 200
    assert [word for word in first if word in ("Returns", "Yields", "Raises", "The", "A")] == []


@pytest.mark.slow
def test_everything_general_works_without_the_assignment_cnns(tmp_path: Path) -> None:
    for folder in ("autograder", "course_utils"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "cnns", "maintain")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for folder in ("source", "release"):
        shutil.copytree(ROOT / folder / "mlp", tmp_path / folder / "mlp")
    for name in ("nbgrader_config.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    names = [
        name for name in modules(tmp_path) if "__main__" not in name and "preload." not in name
    ]
    assert "autograder.assignments.cnns" not in names
    program = "\n".join(
        ["import importlib", f"for name in {names}: importlib.import_module(name)", _PROGRAM]
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "45 of 45" in done.stdout, "the source of mlp scores full"
    assert "no made_class for the assignment 'cnns'" in " ".join(done.stdout.split())
    assert "the assignment 'mlp' has nothing to calibrate" in " ".join(done.stdout.split())


_PROGRAM = """
from typer.testing import CliRunner
import autograder
from autograder.commands.cli import app
assert autograder.__file__.startswith(__import__("os").getcwd()), autograder.__file__
for arguments in (["check-assignment", "mlp"], ["publish", "mlp", "bundle"], ["demo"],
                  ["calibrate", "mlp"]):
    result = CliRunner().invoke(app, arguments)
    print(arguments, result.exit_code, result.output)
"""
