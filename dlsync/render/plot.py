"""Plot series in the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dlsync.client.series import Series
from dlsync.messages import shortened, visible

_HEIGHT = 12  # lines: with axis and legend it fits the smallest terminals
_MARGIN = 22  # cells that plotille writes left of the canvas and at the end of its axis
_NARROWEST = 20
_NAME = 40
_UNIT = 7
_DAY = 86_400  # s
_FLAT = 1e-9  # of their size: values that differ by less are drawn as equal
_LARGEST = 1e300  # so that sums of values from any server stay finite


def render(series: Sequence[Series], *, width: int, color: bool) -> str:
    """Return one plot of all series of a metric, each with points, in ``width`` cells; times are UTC."""
    import plotille  # type: ignore[import-untyped] # it has annotations, but no py.typed

    first = min(_bounded(time) for one in series for time in one.times)
    span = max(_bounded(time) for one in series for time in one.times) - first
    figure = plotille.Figure()
    figure.width, figure.height = max(_NARROWEST, width - _MARGIN), _HEIGHT
    figure.with_colors = color
    figure.origin = False
    figure.x_label, figure.y_label = "UTC", shortened(visible(series[0].unit), _UNIT) or "value"
    figure.set_x_limits(0, span or 1)
    figure.set_y_limits(*_limits([_bounded(value) for one in series for value in one.values]))
    figure.x_ticks_fkt = lambda low, _: time_text(first + low, "%H:%M" if span < 2 * _DAY else "%m-%d")
    figure.y_ticks_fkt = lambda low, _: f"{low:.4g}"
    for one in series:
        name = shortened(visible(one.source.name or one.source.id), _NAME)
        figure.plot([_bounded(time) - first for time in one.times], [*map(_bounded, one.values)], label=name)
    return "".join(f"{line.rstrip()}\n" for line in figure.show(legend=True).splitlines())


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the axis of the values: a bit beyond them, even if all values are equal."""
    low, high = min(values), max(values)
    scale = max(abs(low), abs(high))
    if scale < 1 / _LARGEST:
        return -1, 1
    beyond = (high - low) * 0.05 if high - low > scale * _FLAT else scale * 0.1
    return low - beyond, high + beyond


def time_text(time: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Return Unix seconds as a time in UTC, by default in ISO 8601; as a number if no calendar has the time."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return str(time)


def _bounded(number: float) -> float:
    return float(min(max(number, -_LARGEST), _LARGEST))
