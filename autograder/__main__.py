"""The command `autograder`, also as `python -m autograder`."""

import gc


def main() -> None:
    """Run the command line."""
    # What is imported is no garbage: looking for some would take a fourth of the time to import it.
    gc.disable()
    from autograder.commands.cli import app

    gc.freeze()
    gc.enable()
    app()


if __name__ == "__main__":
    main()
