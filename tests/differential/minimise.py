"""Makes a table smaller while it still shows what it shows."""

from collections.abc import Callable, Iterator

from tables import Table


def minimise(table: Table, shows: Callable[[Table], bool]) -> Table:
    """Leaves out rows, halves of them first, and then columns."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in candidates(table):
            if candidate.is_sound() and shows(candidate):
                table, smaller = candidate, True
                break
    return table


def candidates(table: Table) -> Iterator[Table]:
    count = len(table.rows)
    size = count // 2
    while size > 0:
        for start in range(0, count, size):
            gone = set(range(start, min(start + size, count)))
            if len(gone) < count:
                yield table.without_rows(gone)
        size //= 2
    if table.width > 1 and not table.ragged:
        for column in range(table.width):
            yield table.without_column(column)
