"""The command `autograder`, also as `python -m autograder`."""

import gc
import io
import sys


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the console cannot show: "?"
            stream.reconfigure(errors="replace")
    # What is imported is no garbage: looking for some would take a fourth of the time to import it.
    gc.disable()
    from autograder.commands.cli import app

    gc.freeze()
    gc.enable()
    app()


if __name__ == "__main__":
    main()
