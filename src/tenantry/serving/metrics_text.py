"""The text formats of Prometheus (0.0.4) and OpenMetrics (1.0), as far as counters, gauges and histograms go."""

from typing import Literal

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Page:
    """A page of metrics, written family by family."""

    def __init__(self, *, open_metrics: bool = False) -> None:
        self.open_metrics = open_metrics
        self._lines: list[str] = []

    def family(self, name: str, kind: Literal["counter", "gauge", "histogram"], said: str) -> None:
        """Begin a family, by its name without ``_total``; its samples follow at once."""
        if kind == "counter" and not self.open_metrics:
            name += "_total"
        self._lines.append(f"# HELP {name} {said.translate(_ESCAPES)}\n# TYPE {name} {kind}")

    def sample(self, name: str, labels: tuple[tuple[str, str], ...], value: float) -> None:
        """One value."""
        told = str(int(value)) if value.is_integer() else repr(value)
        if labels:
            pairs = ",".join([f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels])
            self._lines.append(f"{name}{{{pairs}}} {told}")
        else:
            self._lines.append(f"{name} {told}")

    def body(self) -> bytes:
        """The whole page."""
        if self.open_metrics:
            self._lines.append("# EOF")
        return ("\n".join(self._lines) + "\n").encode()
