"""Write ``src/tenantry/plan/native/scripts.h``, the kernel's tables of letters and scripts, from
:mod:`tenantry.plan.scripts`. ``--check`` fails where the file is out of date."""

import sys
from pathlib import Path

from tenantry.plan.scripts import LOWER, SEPARATORS, UNSPACED

TARGET = Path(__file__).parent.parent / "src" / "tenantry" / "plan" / "native" / "scripts.h"


def case_ranges() -> list[tuple[int, int, int, int]]:
    """(first, last, step, distance to the small letter), rising and without overlap."""
    ranges: list[list[int]] = []
    for c, small in sorted(LOWER.items()):
        last = ranges[-1] if ranges else None
        single = last is not None and last[0] == last[1]
        if last and small - c == last[3] and c - last[1] <= 2 and (single or c - last[1] == last[2]):
            last[2] = c - last[1]
            last[1] = c
        else:
            ranges.append([c, c, 1, small - c])
    return [(a, b, step, distance) for a, b, step, distance in ranges]


def header() -> str:
    """The whole file."""
    lines = [
        "/* Made by tools/gen_scripts.py from tenantry/plan/scripts.py: do not edit. */",
        "#include <stdint.h>",
        "",
    ]
    for name, ranges in (("SEPARATORS", SEPARATORS), ("UNSPACED", UNSPACED)):
        lines.append(f"static const uint32_t {name}[][2] = {{")
        lines += [f"    {{0x{first:X}, 0x{last:X}}}," for first, last in ranges]
        lines += ["};", ""]
    lines.append("/* first, last, step, distance to the small letter */")
    lines.append("static const struct { uint32_t first, last, step; int32_t distance; } CASES[] = {")
    lines += [f"    {{0x{a:X}, 0x{b:X}, {step}, {distance}}}," for a, b, step, distance in case_ranges()]
    return "\n".join([*lines, "};", ""])


def main() -> int | str:
    """Write the file, or compare it."""
    text = header()
    if "--check" in sys.argv:
        return 0 if TARGET.read_text() == text else f"{TARGET.name} is out of date: run tools/gen_scripts.py"
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
