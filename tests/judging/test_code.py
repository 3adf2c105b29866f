"""What a kernel gets of a cell: all but the comments, each line where it was."""

from __future__ import annotations

import ast

import pytest

from autograder.judging._code import fingerprint, without_comments


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1  # one", "x = 1"),
        ("# Ada\nx = 1", "\nx = 1"),
        ("x = '# no comment'", "x = '# no comment'"),
        ('x = """\n# no comment\n"""  # one', 'x = """\n# no comment\n"""'),
        ("f(  # one\n    1,  # two\n)", "f(\n    1,\n)"),
        ("x = 1\r\n# two\r\ny = 2", "x = 1\r\n\r\ny = 2"),
        ("é = 1  # é", "é = 1"),
        ("if True:\n    # only\n    pass", "if True:\n\n    pass"),
        ("", ""),
    ],
)
def test_comments_go_and_lines_stay(source: str, expected: str) -> None:
    assert without_comments(source) == expected
    assert ast.dump(ast.parse(expected)) == ast.dump(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "%time x = 1  # one",
        "!ls  # here",
        "%%writefile f.py\n# one",
        "x = (  # open",
        "\0",
        "(" * 900,
    ],
)
def test_what_is_not_plain_python_stays_as_it_is(source: str) -> None:
    assert without_comments(source) == source


def test_cells_and_files_do_not_run_into_each_other() -> None:
    digests = {
        fingerprint(["a", "b"], {}),
        fingerprint(["ab"], {}),
        fingerprint(["a", "b", ""], {}),
        fingerprint(["a"], {"b": b""}),
        fingerprint(["a"], {"": b"b"}),
    }
    assert len(digests) == 5
