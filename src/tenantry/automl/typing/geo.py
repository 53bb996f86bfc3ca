"""Places in one column: ``52.5, 13.4``, ``(52.5, 13.4)``, ``POINT (13.4 52.5)``."""

import math
import re
from dataclasses import dataclass

from tenantry.automl.typing.distinct import Distinct
from tenantry.plan.parts import geo_point

MOSTLY = 0.9
"""Share of the rows that must be places."""
_NAME = re.compile(
    r"(?:^| )(?:geo|gps|coord|coords|coordinate|coordinates|lat|latlon|latlng|lonlat|location|loc|place|position|point"
    r"|geometry|geom|centroid)(?: |$)"
)
_DECIMALS = re.compile(r"\.\d{2,}")


@dataclass(frozen=True, slots=True)
class GeoFinding:
    """``wrong``: numbers of the distinct values that are no places."""

    wrong: tuple[int, ...]
    evidence: str


def read_places(values: Distinct) -> GeoFinding:
    """Which values are no places."""
    texts = values.texts
    wrong = tuple(i for i, text in enumerate(texts) if math.isnan(geo_point(text)[0]))
    lost = int(values.counts[list(wrong)].sum()) if wrong else 0
    share = 1 - lost / max(1, values.present)
    return GeoFinding(wrong, f"{share:.1%} of the values read as latitude and longitude")


def find_places(name: str, values: Distinct) -> GeoFinding | None:
    """The places of a column of texts, or None.

    Two numbers in range may be anything (``12 5``), so the name must say place, or the values be points by their word
    (``POINT (13.4 52.5)``), or nearly all have two figures or more behind both points, with a comma between them.
    """
    texts = values.texts
    sample = texts[:200]
    if sum(_looks(text) for text in sample) < len(sample) / 2:
        return None
    found = read_places(values)
    if sum(values.counts[i] for i in found.wrong) > (1 - MOSTLY) * values.present:
        return None
    named = bool(_NAME.search(re.sub(r"[^a-z]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())))
    precise = sum(text[:1] in "Pp" or (len(_DECIMALS.findall(text)) == 2 and "," in text) for text in sample)
    if not named and precise < MOSTLY * (len(sample) - sum(i < len(sample) for i in found.wrong)):
        return None
    return found


def _looks(text: str) -> bool:
    """Whether a text is worth parsing as a place."""
    return text[:5].lower() == "point" or text[:1] in "([+-.0123456789"
