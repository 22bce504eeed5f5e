"""A plate by its wells."""

from __future__ import annotations

from unet.exports.tables import ImageSummary
from unet.exports.wells import place_of, wells_of


def field(well: str, count: int, area: float, error: str = "") -> ImageSummary:
    return ImageSummary("p.zarr", "p", 10, 20, count=count, mean_area=area, well=well, error=error)


def test_counts_add_up_and_means_are_those_of_nuclei():
    (well,) = wells_of([field("A1", 1, 30), field("A1", 3, 10), field("A1", 0, 0, "broken"), field("", 9, 9)])
    assert (well.fields, well.nuclei, well.per_field, well.broken) == (2, 4, 2.0, 1)
    assert well.mean_area == (30 + 3 * 10) / 4
    assert well.covered == 60 / 400


def test_wells_come_as_they_lie_on_the_plate():
    names = ["B2", "A10", "AA1", "A2", "Z1", "control"]
    assert [well.well for well in wells_of([field(name, 1, 1) for name in names])] == [
        "A2", "A10", "B2", "Z1", "AA1", "control",
    ]  # fmt: skip


def test_places_are_read_as_plates_write_them():
    assert [place_of(name) for name in ("A1", "h012", "AF48", "1A", "")] == [
        ("A", 1),
        ("H", 12),
        ("AF", 48),
        None,
        None,
    ]
