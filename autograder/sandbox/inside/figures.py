"""Makes figures cheap: a kernel draws each one three times, and shows the last."""

from __future__ import annotations

import io

# For IPython's `InlineBackend`. By default it cuts figures to what is drawn, and draws once more to
# know that; and most of the time that a photograph takes goes into its compression.
PRINTED = {"bbox_inches": None, "pil_kwargs": {"compress_level": 1}}


def prepare() -> None:
    """Has matplotlib ready to draw: fonts and codecs loaded, and no figure drawn to no end."""
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
    figure.savefig(io.BytesIO())
