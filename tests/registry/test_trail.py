"""Where a rollback goes, for any history."""

from hypothesis import given
from hypothesis import strategies as st

from tenantry.registry import AliasChange, earlier_number


@given(st.lists(st.one_of(st.none(), st.integers(1, 5)), max_size=40))
def test_rollback_walks_back_as_a_browser_does(moves: list[int | None]) -> None:
    pages: list[int] = []  # the plain model: a stack of pages without repeats
    changes: list[AliasChange] = []
    for move in moves:
        current = pages[-1] if pages else None
        if move is None:
            target = earlier_number(changes[::-1], current) if current else None
            assert target == (pages[-2] if len(pages) > 1 else None)
            if target is None:
                continue
            pages.pop()
        elif move == current:
            continue
        else:
            pages.append(move)
        change = AliasChange(
            seq=len(changes) + 1,
            alias="champion",
            number=pages[-1],
            previous=current,
            at=0.0,
            rollback=move is None,
        )
        changes.append(change)
