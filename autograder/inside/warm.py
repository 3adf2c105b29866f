"""What a kernel would do once in each hand-in, done once for all: fonts, codecs, digits."""

from __future__ import annotations

import io
from collections.abc import Collection

# For IPython's `InlineBackend`, unless the notebook says otherwise. By default it cuts figures to
# what is drawn, and draws once more to know that; and photographs as PNG take long and are large.
INLINE = {"figure_formats": {"jpeg"}, "print_figure_kwargs": {"bbox_inches": None}}


def warm_up(modules: Collection[str]) -> None:
    """Make these modules ready for a notebook, those that gain by it.

    Raises:
        ImportError, RuntimeError: they are not installed as they should be.
    """
    if "torch" in modules:
        _convolve()
    if "matplotlib.pyplot" in modules:
        _draw()
    if "course_utils.data" in modules:
        from course_utils.data import load_digits_subset

        load_digits_subset()


def _convolve() -> None:
    import torch

    # A process's first large product of matrices has its library get ready.
    torch.nn.functional.conv2d(torch.zeros(3, 600, 512), torch.zeros(1, 3, 3, 3))


def _draw() -> None:
    from matplotlib import pyplot
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # After each cell pyplot draws what has changed, for windows. Here there are none, and what is
    # shown is drawn when it is shown.
    pyplot.draw_all = lambda force=False: None

    figure = Figure()
    FigureCanvasAgg(figure)
    ax = figure.add_subplot(title="$x_1$")
    figure.colorbar(ax.imshow([[0.0, 1.0]]))
    figure.savefig(io.BytesIO(), format="jpeg")
