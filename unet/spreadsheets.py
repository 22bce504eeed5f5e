"""Tables as CSV. People open them in spreadsheets, which run whatever begins like a formula; names come from strangers.

Every CSV that this program writes is made here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# In both widths of Chinese and Japanese keyboards.
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
# What ends a cell in some programs, quoted or not.
BREAKS = str.maketrans("\t\r\n", "   ")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def safe_cell(value: Any) -> Any:
    """Return what a cell may hold: a text that a spreadsheet would take for a formula gets an apostrophe before it.

    Tabs and line breaks become spaces; numbers stay numbers, also as text.
    """
    if not isinstance(value, str):
        return value
    text = value.translate(BREAKS)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def original_text(cell: str) -> str:
    """Return the text that ``safe_cell`` made a cell of, but for its tabs and line breaks."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


def csv_of_rows(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV, the names of the columns first."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(map(safe_cell, header))
    writer.writerows(map(safe_cell, row) for row in rows)
    return stream.getvalue()


def csv_of_frame(frame: pd.DataFrame) -> str:
    """Return a table as CSV, without its index."""
    import pandas as pd

    safe = {
        name: column if pd.api.types.is_numeric_dtype(column) else column.map(safe_cell, na_action="ignore")
        for name, column in frame.items()
    }
    return pd.DataFrame(safe, index=frame.index).rename(columns=safe_cell).to_csv(index=False)
