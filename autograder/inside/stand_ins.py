"""Stand-ins for what notebooks commonly assume: packages, magics, windows, someone at the keyboard.

A cell that imports a package which this machine lacks goes on with an object that does nothing, so
that the rest of the cell does not depend on it. An import within `try` fails as anywhere, since the
notebook has its own answer to that.
"""

from __future__ import annotations

import ast
import builtins
import getpass
import importlib.util
from typing import Any

from autograder.inside.absent import Absent

_COLAB = "google.colab"  # there may be another package of Google's
# Backends of matplotlib that need no window, and the options of its magic.
_INLINE = ("inline", "agg", "cairo", "pdf", "pgf", "ps", "svg", "template", "--list", "-l")
_ABSENT, _BINDING = "is_absent", "stand_in_for"  # builtins that the changed imports call


class StandIn:
    """An object of a package that is not there: takes anything, does nothing.

    Args:
        path: its dotted name, such as "seaborn.set_theme".
        absent: knows whether the judge asks, who needs a real answer.
    """

    def __init__(self, path: str, absent: Absent) -> None:
        self.__dict__.update(_path=path, _absent=absent)

    _path: str
    _absent: Absent

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self._path}.{name}", self._absent)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self._absent.answering:
            raise self._missing()
        if len(arguments) == 1 and not options and callable(arguments[0]):
            return arguments[0]  # it decorates: what is decorated is the student's
        return StandIn(f"{self._path}()", self._absent)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise self._missing()

    def __setattr__(self, name: str, value: Any) -> None:
        pass

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Any:
        return iter(())

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<{self._path}: not installed where this is graded>"

    def _missing(self) -> ModuleNotFoundError:
        package = self._path.split(".")[0]
        return ModuleNotFoundError(f"No module named {package!r}", name=package)


class AbsentImports(ast.NodeTransformer):
    """Gives each import an answer to its failing: a stand-in, if the package is not there."""

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        """Return an import for each of the names."""
        made: list[ast.stmt] = []
        for alias in node.names:
            package = alias.name.split(".")[0]
            bound = (alias.asname, alias.name) if alias.asname else (package, package)
            made.append(_tried(ast.Import(names=[alias]), alias.name, [bound], node))
        return made

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        """Return the import, with a stand-in for each of its names."""
        if node.level or not node.module or node.module == "__future__":
            return node
        names = [alias for alias in node.names if alias.name != "*"]
        bound = [(a.asname or a.name, f"{node.module}.{a.name}") for a in names]
        return _tried(node, node.module, bound, node)

    def visit_Try(self, node: ast.Try) -> ast.Try:
        """Leave what is tried as it is; the rest is as anywhere."""
        tried, node.body = node.body, []
        self.generic_visit(node)
        node.body = tried
        return node

    visit_TryStar = visit_Try  # type: ignore[assignment]


def _tried(
    statement: ast.stmt, module: str, bound: list[tuple[str, str]], node: ast.stmt
) -> ast.Try:
    """Return an import that binds stand-ins if it fails for want of the package.

    Args:
        statement: the import.
        module: what it imports.
        bound: the names it binds, and what to.
        node: where it stands.
    """
    lines = [f"    {name} = {_BINDING}({path!r})" for name, path in bound]
    code = ["try: pass", "except ModuleNotFoundError:", f"    if not {_ABSENT}({module!r}): raise"]
    made = ast.parse("\n".join([*code, *lines])).body[0]
    assert isinstance(made, ast.Try), "it is written above"
    for part in ast.walk(made):
        if hasattr(part, "lineno"):
            ast.copy_location(part, node)
    made.body = [ast.copy_location(statement, node)]
    return made


def _is_absent(module: str, absent: Absent) -> bool:
    """Return whether the package of a module is not there, and remember it."""
    package = _COLAB if f"{module}.".startswith(f"{_COLAB}.") else module.split(".")[0]
    try:
        if importlib.util.find_spec(package) is not None:
            return False
    except (ImportError, ValueError):  # nothing of Google's; or a module without a loader
        if package != _COLAB:
            return False
    text = f"`{package}` is not installed here; the cell goes on, and what it does with "
    absent.note("package", package, f"{text}`{package}` is left out")
    return True


def install(shell: Any, absent: Absent) -> None:
    """Have a shell's cells meet the stand-ins.

    Args:
        shell: IPython's.
        absent: gets what they asked for.
    """
    setattr(builtins, _BINDING, lambda path: StandIn(path, absent))
    setattr(builtins, _ABSENT, lambda module: _is_absent(module, absent))
    shell.ast_transformers.append(AbsentImports())
    _stand_in_for_magics(shell, absent)
    _stand_in_for_windows(absent)
    _stand_in_for_a_person(shell, absent)
    shell.events.register("post_run_cell", lambda result: _note_failed_import(result, absent))


def _note_failed_import(result: Any, absent: Absent) -> None:
    """Remember a package that something else than a cell's own import asked for."""
    error = result.error_in_exec
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = str(error.name).split(".")[0]
        if importlib.util.find_spec(package) is None:
            absent.note("package", package, f"`{package}` is not installed here")


def _stand_in_for_magics(shell: Any, absent: Absent) -> None:
    run = shell.run_line_magic

    def run_line_magic(name: str, line: str, _stack_depth: int = 1) -> Any:
        words = line.split()
        if shell.find_line_magic(name) is None:
            return absent.note("magic", f"%{name}", f"`%{name}` is unknown here and does nothing")
        if name == "matplotlib" and words and _needs_window(words[0]):
            absent.note("backend", words[0], _no_window(words[0]))
            line = "inline"
        if name in ("load_ext", "reload_ext") and words:
            try:
                return run(name, line, _stack_depth + 1)
            except ModuleNotFoundError:
                text = f"the extension `{words[0]}` is not installed here and is left out"
                return absent.note("package", words[0].split(".")[0], text)
        return run(name, line, _stack_depth + 1)

    shell.run_line_magic = run_line_magic


def _needs_window(backend: str) -> bool:
    return backend.lower() not in _INLINE and "inline" not in backend


def _no_window(backend: str) -> str:
    return f"there are no windows here: plots are drawn inline, not by `{backend}`"


def _stand_in_for_windows(absent: Absent) -> None:
    """Have matplotlib keep its backend where a cell asks for one with windows."""
    try:
        import matplotlib
        from matplotlib import pyplot
    except ImportError:
        return

    def quietly(switch: Any) -> Any:
        def switch_unless_a_window(backend: Any, *arguments: Any, **options: Any) -> None:
            if _needs_window(str(backend)):
                absent.note("backend", str(backend), _no_window(str(backend)))
            else:
                switch(backend, *arguments, **options)

        return switch_unless_a_window

    matplotlib.use = quietly(matplotlib.use)
    pyplot.switch_backend = quietly(pyplot.switch_backend)


def _stand_in_for_a_person(shell: Any, absent: Absent) -> None:
    def nothing(*arguments: Any, **options: Any) -> str:
        absent.note("input", "input()", "nobody answers here: input() gives the empty text ''")
        return ""

    # What ipykernel puts in the place of `input` and `getpass` calls these.
    shell.kernel.raw_input = shell.kernel.getpass = nothing
    builtins.input = getpass.getpass = nothing
