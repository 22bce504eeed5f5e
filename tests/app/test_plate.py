"""A plate from the page: named where that is allowed, predicted, and shown as its wells lie."""

from __future__ import annotations

import numpy as np

from studio.predict import plate
from studio.predict.plate_chart import MEASURES, plate_map
from tests.factories import draw_discs
from tests.zarrs import write_plate
from unet.exports.wells import Well


def test_a_plate_of_96_wells_is_predicted_and_drawn(open_app, tmp_path, monkeypatch):
    monkeypatch.setenv("UNET_LOCAL_FOLDERS", "on")
    fields = [draw_discs(count, (64, 64), count)[0][..., 0] for count in (1, 3)]
    wells = {f"{row}/{column}": [fields[column % 2]] for row in "ABCDEFGH" for column in range(1, 13)}
    folder = write_plate(tmp_path / "screen.zarr", wells)
    app = open_app("predict", model="tutorial")
    (text,) = (each for each in app.text_input if "OME-Zarr" in each.label)
    text.input(str(folder))
    next(each for each in app.button if each.label == "Open the OME-Zarr").click().run()
    assert "96 fields of 96 wells" in " ".join(each.value for each in app.markdown)
    next(each for each in app.button if each.key == "predict_plate").click().run()
    assert not app.exception
    (frame,) = (each.value for each in app.dataframe if "well" in each.value)
    assert len(frame) == 96
    assert frame["well"].tolist()[:3] == ["A1", "A2", "A3"]
    assert frame["nuclei"].sum() > 96
    assert [each.key for each in app.download_button if each.key.endswith(".csv")] == [
        "download_wells.csv", "download_nuclei.csv", "download_summary.csv",
    ]  # fmt: skip


def test_elsewhere_nobody_may_name_a_folder(open_app, tmp_path):
    app = open_app("predict")
    assert not [each for each in app.text_input if "OME-Zarr" in each.label]
    app.session_state[plate.PLATE] = str(tmp_path)
    app.run()
    assert not [each for each in app.button if each.key == "predict_plate"]


def test_wells_lie_where_they_are_on_the_plate():
    wells = [Well(name, 1, count, float(count), 9.0, 0.25, 0) for name, count in (("B3", 7), ("A1", 5), ("AA2", 1))]
    figure = plate_map(wells, "nuclei")
    assert list(figure.data[0].y) == ["A", "B", "AA"]
    assert list(figure.data[0].x) == ["1", "2", "3"]
    expected = [[5, None, None], [None, None, 7], [None, 1, None]]
    np.testing.assert_array_equal(np.array(figure.data[0].z, float), np.array(expected, float))
    assert all(plate_map(wells, measure).data for measure in MEASURES)
