"""The command `python -m autograder.maintain.threats`: runs the attacks, writes the page."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from autograder.maintain.threats import CATALOGUE
from autograder.maintain.threats.run import Result, make_course, run
from autograder.maintain.threats.table import page

app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Attacks; all of them if none.")] = None,
    output: Annotated[Path, typer.Option(help="The page.")] = Path("docs/threats.md"),
) -> None:
    """Run attacks under stock nbgrader and under ours, and write a table of what came of it."""
    unknown = set(names or ()) - set(CATALOGUE)
    if unknown:
        raise typer.BadParameter(f"expected names of {', '.join(CATALOGUE)}, got {unknown}")
    results: dict[str, tuple[Result, Result]] = {}
    with tempfile.TemporaryDirectory(prefix="threats-") as folder, ThreadPoolExecutor(2) as pool:
        stock = pool.submit(make_course, Path(folder) / "stock", stock=True)
        ours = pool.submit(make_course, Path(folder) / "ours", stock=False)
        courses = stock.result(), ours.result()
        for name in names or CATALOGUE:
            attack = CATALOGUE[name]
            futures = [
                pool.submit(run, attack, course, stock=is_stock)
                for course, is_stock in zip(courses, (True, False), strict=True)
            ]
            results[name] = futures[0].result(), futures[1].result()
            typer.echo(f"{name}\n    stock: {results[name][0]}\n    ours:  {results[name][1]}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page(results), encoding="utf-8")
    typer.echo(f"written: {output}")


if __name__ == "__main__":
    app()
