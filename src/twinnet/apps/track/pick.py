"""Boxes drawn with the mouse, where there is a display."""

from __future__ import annotations

from typing import Any

import numpy as np

from twinnet.apps.track.video import open_video
from twinnet.core.errors import ConfigError, DataError
from twinnet.core.types import FloatArray, Image

_NEXT = "Next: give the box as --box x,y,width,height."


def pick_boxes(source: str) -> list[FloatArray]:
    """Shows the first frame; each rectangle drawn is a target, Enter or closing the window ends it.

    Raises ConfigError where there is no display, DataError where no box was drawn.
    """
    import matplotlib
    from matplotlib import pyplot

    if matplotlib.get_backend().lower() in ("agg", "pdf", "ps", "svg", "cairo", "template"):
        raise ConfigError(f"--interactive needs a display, and there is none. {_NEXT}")
    first = next((frame for frame in open_video(source).frames() if frame is not None), None)
    if first is None:
        raise DataError(f"{source}: has no readable frame.")
    return drawn_boxes(pyplot, first)


def drawn_boxes(pyplot: Any, frame: Image) -> list[FloatArray]:
    """The rectangles that were drawn on the frame."""
    from matplotlib.patches import Rectangle
    from matplotlib.widgets import RectangleSelector

    found: list[FloatArray] = []
    figure, axes = pyplot.subplots()
    axes.imshow(np.repeat(frame, 3, 2) if frame.shape[2] == 1 else frame)
    axes.set_title("draw a box around each target; Enter when done")

    def drawn(press: Any, release: Any) -> None:
        x, y = sorted((press.xdata, release.xdata)), sorted((press.ydata, release.ydata))
        found.append(np.array([x[0], y[0], x[1] - x[0], y[1] - y[0]]))
        axes.add_patch(Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], fill=False, color="lime"))
        figure.canvas.draw_idle()

    selector = RectangleSelector(axes, drawn, minspanx=4, minspany=4)
    figure.canvas.mpl_connect("key_press_event", lambda event: event.key == "enter" and pyplot.close(figure))
    pyplot.show()
    del selector  # until here it must live: matplotlib keeps no reference of its own
    if not found:
        raise DataError(f"no box was drawn. {_NEXT}")
    return found
