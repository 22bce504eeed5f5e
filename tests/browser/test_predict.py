"""The Predict page in a browser: the threshold moved by hand and keys, nuclei chosen, links, broken files, zooming."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.driver import PATIENCE, App, click, idle, open_page, upload
from tests.factories import draw_discs
from unet.config import ModelConfig
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo, read_info
from unet.settings import DEFAULT_MODEL


@pytest.fixture(scope="module")
def model(app: App) -> str:
    """The key of a small, untrained model: what it finds is nonsense, and changes with the threshold."""
    import keras

    from unet.models.network import build_unet

    keras.utils.set_random_seed(0)
    config = ModelConfig(input_size=(64, 64), filters=(4, 8), dropout=(0.0,))
    save_model(app.home / "models" / "small", build_unet(config), ModelInfo("small", config))
    return "uploaded:small"


@pytest.fixture
def sent(page: Page) -> list[int]:
    """Bytes of each message to the server, as they go; those from it are negative."""
    messages: list[int] = []

    def watch(socket) -> None:
        socket.on("framesent", lambda data: messages.append(len(data)))
        socket.on("framereceived", lambda data: messages.append(-len(data)))

    page.on("websocket", watch)
    return messages


@pytest.fixture
def samples(app: App, page: Page, model: str, sent: list[int]) -> Page:
    """The page with the samples predicted."""
    return open_samples(app, page, f"model={model}")


@pytest.fixture
def nuclei(app: App, page: Page, sent: list[int]) -> Page:
    """The same with the shipped model, which finds nuclei."""
    return open_samples(app, page, "model=nuclei")


def open_samples(app: App, page: Page, query: str) -> Page:
    open_page(page, f"{app.url}/predict?samples=1&{query}")
    seen(page)
    return page


def seen(page: Page) -> None:
    """Wait until the picture is there, and belongs to the threshold."""
    expect(page.locator(".waiting:visible")).to_have_count(0)
    expect(page.locator(".threshold.updating")).to_have_count(0)
    idle(page)


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Threshold")


def picture(page: Page) -> bytes:
    """Return the picture itself, as a PNG, without what lies over it."""
    page.wait_for_timeout(200)  # some frames
    data = page.locator(".picture").evaluate("canvas => canvas.toDataURL()")
    return base64.b64decode(data.partition(",")[2])


def fitted(page: Page, width: int = 320, height: int = 256) -> float:
    """Return how many pixels of the page one of the first sample image takes where all of it is seen."""
    box = page.locator(".picture").bounding_box()
    return min(box["width"] / width, box["height"] / height)


def press(page: Page, key: str, times: int = 1) -> float:
    """Press a key on the slider, and wait until the objects have followed."""
    slider(page).focus()
    for _ in range(times):
        slider(page).press(key)
    seen(page)
    return float(slider(page).input_value())


def metric(page: Page, label: str) -> str:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()


def drag(page: Page, to: float) -> Callable[[], None]:
    """Drag the slider's knob to a value and hold it there; return what lets it go."""
    slider(page).scroll_into_view_if_needed()
    box = slider(page).bounding_box()
    knob = 20
    middle = box["y"] + box["height"] / 2

    def place(value: float) -> float:
        return box["x"] + knob / 2 + (box["width"] - knob) * value

    start = float(slider(page).input_value())
    page.mouse.move(place(start), middle)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(place(start + (to - start) * step / 10), middle)
    page.wait_for_timeout(150)
    return page.mouse.up


# ---- seen at once ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1440, 900), (1280, 800)])
def test_picture_threshold_and_count_are_in_view_together(app, page, tmp_path, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for number, shape in enumerate([(90, 120), (300, 100)]):
        Image.fromarray(draw_discs(5, shape, number)[0]).save(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"nonsense")
    open_page(page, f"{app.url}/predict?model=gone")
    upload(page, sorted(tmp_path.glob("*.png")), "Images to predict")
    for turn in range(2):
        if turn:
            click(page, "Next")
        seen(page)
        warnings = page.get_by_test_id("stAlert")
        expect(warnings).to_have_count(2)  # of the model that is gone, and of the broken file
        count = page.get_by_test_id("stMetric").filter(has_text="Nuclei found")
        for part in (slider(page), page.locator(".picture"), page.locator(".legend"), count, *warnings.all()):
            box = part.bounding_box()
            assert box["x"] >= 0 and box["y"] >= 0, part
            assert box["x"] + box["width"] <= size[0], part
            assert box["y"] + box["height"] <= size[1], part
        assert page.locator(".picture").bounding_box()["height"] > size[1] / 2


def test_a_nucleus_is_chosen_by_keys_in_the_picture(nuclei):
    page = nuclei
    count = int(metric(page, "Nuclei found"))
    said = page.get_by_role("status").filter(has_text="is chosen")
    page.locator(".picture").focus()
    for key, number in (("n", 1), ("n", 2), ("p", 1), ("p", count)):
        page.keyboard.press(key)
        expect(said).to_have_text(f"Nucleus {number} is chosen, of {count}.")
        expect(page.locator(".legend")).to_contain_text(f"white rim: nucleus {number}")
        idle(page)
    page.keyboard.press("Escape")
    expect(page.locator(".legend")).not_to_contain_text("white rim")


def test_two_pictures_move_as_one(app, page):
    open_samples(app, page, "model=nuclei&other=tutorial")
    first, second = page.locator(".viewer").all()
    expect(page.get_by_text("nuclei are found by both")).to_be_visible()
    before = float(second.locator(".slider").input_value())
    first.get_by_role("button", name="Zoom in").click()
    zoom = first.locator(".zoom").inner_text()
    expect(second.locator(".zoom")).to_have_text(zoom)
    second.get_by_role("button", name="Probability").click()
    expect(first.get_by_role("button", name="Probability")).to_have_attribute("aria-pressed", "true")
    first.locator(".slider").press("ArrowRight")
    seen(page)
    assert float(second.locator(".slider").input_value()) == before


# ---- the threshold ---------------------------------------------------------------------------------------------


def test_dragging_changes_the_picture_and_tells_the_server_nothing(samples, sent, app):
    page = samples
    before, covered = picture(page), metric(page, "Area covered")
    page.wait_for_timeout(500)
    pixels = max(-count for count in sent)
    sent.clear()
    release = drag(page, 0.55)
    assert picture(page) != before
    expect(page.locator(".share")).to_contain_text("updating")
    assert sent == []
    # Were the model asked, it would be missed.
    folder = app.home / "models" / "small"
    folder.rename(folder.with_name("elsewhere"))
    try:
        release()
        seen(page)
    finally:
        folder.with_name("elsewhere").rename(folder)
    assert metric(page, "Area covered") != covered
    assert "threshold=0.55" in page.url
    # What comes back is the objects, not the pixels.
    assert max(-count for count in sent) < pixels
    assert sum(-count for count in sent if count < 0) < 110_000


def test_the_threshold_by_keys_and_by_number(samples):
    page = samples
    before = picture(page)
    assert press(page, "ArrowRight", 3) == pytest.approx(0.53)
    assert "threshold=0.53" in page.url
    assert picture(page) != before
    assert press(page, "Shift+ArrowLeft") == pytest.approx(0.43)
    number = page.get_by_role("spinbutton", name="Threshold, as a number")
    number.fill("0.61")
    number.press("Enter")
    seen(page)
    assert "threshold=0.61" in page.url
    page.get_by_role("button", name="Model's own: 0.50").click()
    seen(page)
    assert float(slider(page).input_value()) == 0.5
    assert picture(page) == before


def test_many_fast_moves_end_where_the_last_one_did(samples):
    page = samples
    slider(page).focus()
    for press_ in range(60):
        slider(page).press("ArrowRight" if press_ % 6 < 3 else "ArrowLeft")
        page.wait_for_timeout(40 + 70 * (press_ % 5))  # as fast as fingers are, now slower and now faster
    seen(page)
    expect(page.get_by_text("Connection error")).to_have_count(0)
    assert float(slider(page).input_value()) == 0.5


# ---- the picture -----------------------------------------------------------------------------------------------


def test_each_layer_changes_the_picture_and_says_what_it_means(nuclei):
    page = nuclei
    pictures = {picture(page)}
    legend = page.locator(".legend")
    expect(legend).to_contain_text(f"probability above {read_info(DEFAULT_MODEL).threshold:.2f}")
    for layer, words in {
        "Mask": "probability above",
        "Colours": "each nucleus",
        "Probability": "probability 0 to 1",
    }.items():
        page.get_by_role("button", name=layer, exact=True).click()
        expect(legend).to_contain_text(words)
        pictures.add(picture(page))
    page.get_by_role("button", name="Compare").click()
    divider = page.get_by_role("slider", name="Compare: where the line stands")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    pictures.add(picture(page))
    divider.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "55")
    pictures.add(picture(page))
    page.locator(".adjust summary").click()
    page.get_by_label("Contrast", exact=True).fill("3")
    pictures.add(picture(page))
    assert len(pictures) == 7


def test_zooming_keeps_what_is_under_the_pointer_and_the_threshold_keeps_the_zoom(nuclei):
    page = nuclei
    page.locator(".picture").scroll_into_view_if_needed()
    box = page.locator(".picture").bounding_box()
    across, down = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4
    readout = page.locator(".readout")
    page.mouse.move(across, down)
    expect(readout).to_contain_text("probability")
    before = readout.inner_text()
    whole = page.locator(".zoom").inner_text()
    page.mouse.wheel(0, -500)
    expect(page.locator(".zoom")).not_to_have_text(whole)
    page.mouse.move(across + 1, down)
    page.mouse.move(across, down)
    places = [list(map(int, re.findall(r"\d+", words)[:2])) for words in (before, readout.inner_text())]
    assert places[1] == pytest.approx(places[0], abs=1)
    near = page.locator(".zoom").inner_text()
    press(page, "ArrowLeft", 2)
    expect(page.locator(".zoom")).to_have_text(near)
    # Dragging moves it; so do the arrow keys. A double click shows all again.
    first = picture(page)
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across - 60, down - 40, steps=4)
    page.mouse.up()
    dragged = picture(page)
    assert dragged != first
    page.locator(".picture").focus()
    page.keyboard.press("ArrowRight")
    assert picture(page) != dragged
    page.locator(".picture").dblclick(position={"x": 50, "y": 50})
    expect(page.locator(".zoom")).to_have_text(whole)
    # At 100% a pixel of the image takes one of the page; the first sample has 320 x 256.
    assert int(whole.rstrip("%")) == pytest.approx(100 * fitted(page), abs=1)
    page.get_by_role("button", name="Zoom in").press("Enter")
    expect(page.locator(".zoom")).to_have_text(f"{150 * fitted(page):.0f}%")


def test_a_reload_brings_image_threshold_and_look_back(nuclei, sent):
    page = nuclei
    click(page, "Next")
    seen(page)
    moved = press(page, "ArrowLeft", 5)
    page.wait_for_timeout(300)
    sent.clear()
    page.get_by_role("button", name="Probability", exact=True).click()
    page.get_by_role("button", name="Zoom in").click()
    before = picture(page)
    zoom = page.locator(".zoom").inner_text()
    expect(page).to_have_url(re.compile("look="))
    assert sent == []  # how it is looked at is nothing that the server needs to know
    page.reload()
    seen(page)
    assert float(slider(page).input_value()) == moved
    expect(page.locator(".picture")).to_have_attribute("aria-label", re.compile(rf"^out-of-focus\.png: .*{moved:.2f}"))
    expect(page.locator(".zoom")).to_have_text(zoom)
    assert picture(page) == before


def test_with_and_without_a_graphics_card_the_picture_is_the_same(app, page, sent):
    pictures = []
    for painter in ("card", "plain"):
        open_samples(app, page, f"model=nuclei&image=touching.png&painter={painter}")
        kind = page.locator(".picture").evaluate("canvas => canvas.getContext('webgl2') ? 'card' : 'plain'")
        assert kind == painter
        pictures.append(np.asarray(Image.open(io.BytesIO(picture(page))).convert("RGB")).astype(int))
    difference = np.abs(pictures[0] - pictures[1])
    # The card smooths the image where it is enlarged; where nuclei and their rims lie is the same.
    assert difference.mean() < 4
    assert (difference.max(axis=2) > 100).mean() < 0.01


# ---- nuclei ----------------------------------------------------------------------------------------------------


def test_a_click_on_a_nucleus_chooses_its_row_and_the_other_way_round(nuclei):
    page = nuclei
    page.locator(".picture").scroll_into_view_if_needed()
    box = page.locator(".picture").bounding_box()
    readout = page.locator(".readout")
    # Somewhere in the picture there is one.
    for step in range(60):
        across, down = box["x"] + box["width"] * (0.08 + 0.014 * step), box["y"] + box["height"] * 0.5
        page.mouse.move(across, down)
        if "nucleus" in readout.inner_text():
            break
    number = readout.inner_text().rpartition(" ")[2]
    page.mouse.click(across, down)
    seen(page)
    expect(page.locator(".legend")).to_contain_text(f"white rim: nucleus {number}")
    chosen = page.get_by_test_id("stDataFrame").first
    expect(page.get_by_text(f"Nucleus {number} is chosen; choose")).to_be_visible()
    lit = picture(page)
    page.mouse.click(across, down)
    seen(page)
    expect(page.locator(".legend")).not_to_contain_text("white rim")
    assert picture(page) != lit
    # By the first row's box.
    chosen.scroll_into_view_if_needed()
    table = chosen.bounding_box()
    page.mouse.click(table["x"] + 20, table["y"] + 55)
    seen(page)
    expect(page.locator(".legend")).to_contain_text("white rim: nucleus 1")


def test_ranges_leave_nuclei_out(app, page):
    open_samples(app, page, "model=nuclei&keep=area:150:300")
    expect(page.locator(".legend")).to_contain_text("faint: left out")
    assert int(metric(page, "Kept")) < int(metric(page, "Nuclei found"))
    click(page, "Keep all")
    seen(page)
    expect(page.locator(".legend")).not_to_contain_text("faint")
    assert "keep=" not in page.url


# ---- files -----------------------------------------------------------------------------------------------------


def write_images(folder: Path) -> list[Path]:
    folder.mkdir()
    for number in range(2):
        Image.fromarray(draw_discs(5, (90, 120), number)[0]).save(folder / f"good{number}.png")
    (folder / "broken.png").write_bytes(b"this is no image")
    return sorted(folder.iterdir())


def test_a_time_series_plays_until_it_is_paused(app, page, model, tmp_path):
    frames = np.stack([draw_discs(5, (64, 64), seed)[0][..., 0] for seed in range(4)])
    tifffile.imwrite(tmp_path / "film.ome.tif", frames, ome=True, metadata={"axes": "TYX"})
    open_page(page, f"{app.url}/predict?model={model}")
    upload(page, [tmp_path / "film.ome.tif"], "Images to predict")
    seen(page)
    click(page, "Play")
    expect(page).to_have_url(re.compile(r"page-\w+=3"))
    click(page, "Pause")
    idle(page)
    place = re.search(r"page-\w+=(\d)", page.url)
    assert place
    expect(page.get_by_text(f"Time point {place[1]} of 4")).to_be_visible()


def test_a_broken_file_among_good_ones_and_what_can_be_taken_away(app, page, model, tmp_path):
    open_page(page, f"{app.url}/predict?model={model}")
    upload(page, write_images(tmp_path / "images"), "Images to predict")
    seen(page)
    warning = page.get_by_test_id("stAlert")
    expect(warning).to_contain_text("1 file was left out")
    expect(warning).to_contain_text("broken.png")
    page.get_by_role("tab", name="All 2 images").click()
    idle(page)
    expect(page.get_by_text("nuclei in all at threshold 0.50")).to_be_visible()
    # The files lie on disk: a reload finds them again.
    page.reload()
    seen(page)
    click(page, "Export", exact=True)
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="All formats of all 2 images").click()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert {"good0_mask.png", "good1_labels.tif", "coco.json", "manifest.json"} <= set(archive.namelist())
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Mask (PNG)").click()
    assert download.value.suggested_filename == "good0_mask.png"
    with Image.open(download.value.path()) as mask:
        assert mask.size == (120, 90)


def test_a_folder_is_predicted_and_can_be_cancelled_and_gone_on_with(app, page, tmp_path):
    folder = tmp_path / "many"
    (folder / "below").mkdir(parents=True)
    for number in range(20):
        image = np.kron(draw_discs(5, (90, 90), number)[0][..., 0], np.ones((10, 10), np.uint8))
        Image.fromarray(image).save(folder / "below" / f"{number:02d}.png")
    open_page(page, f"{app.url}/predict?model=nuclei")
    page.get_by_text("A whole folder").click()
    idle(page)
    widget = page.get_by_test_id("stFileUploader").filter(has_text="all of a folder")
    widget.locator("input[type=file]").set_input_files(folder)
    page.get_by_role("button", name="Cancel", exact=True).click(timeout=PATIENCE)
    rest = page.get_by_role("button", name=re.compile(r"Predict the other \d+"))
    expect(rest).to_be_visible()
    rest.click()
    seen(page)
    expect(rest).to_have_count(0)
    expect(page.get_by_role("tab", name="All 20 images")).to_be_visible()


def test_a_box_over_the_bars_keeps_what_lies_in_it(nuclei):
    page = nuclei
    bars = page.locator(".js-plotly-plot .nsewdrag").first
    bars.scroll_into_view_if_needed()
    box = bars.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=8)
    page.mouse.up()
    expect(page).to_have_url(re.compile("keep=area"))
    seen(page)
    assert 0 < int(metric(page, "Kept")) < int(metric(page, "Nuclei found"))


def test_a_large_image_is_seen_in_full_where_one_zooms(app, page, model, tmp_path):
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, np.tile(draw_discs(6, (300, 400), 0)[0], (10, 10, 1)), compression="zlib")
    open_page(page, f"{app.url}/predict?model={model}")
    upload(page, path, "Images to predict")
    seen(page)
    for _ in range(5):
        page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function("[...window.unetScenes.values()].some((scene) => scene.detail)", timeout=PATIENCE)
    detail = page.evaluate(
        "(() => { const { detail } = [...window.unetScenes.values()].at(-1); return detail.shown; })()"
    )
    assert 300 < detail[1] < 2049
    idle(page)


def test_it_fits_a_telephone(nuclei):
    page = nuclei
    page.set_viewport_size({"width": 400, "height": 800})
    idle(page)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 400
    for part in (".picture", ".slider", ".bar", ".head"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
    assert page.locator(".picture").bounding_box()["width"] > 300


def test_a_chosen_channel_stays_in_the_address_beside_what_else_is_chosen(app, page, tmp_path):
    rows, columns = np.mgrid[:120, :160]
    image = np.full((120, 160, 3), 8, np.uint8)
    image[..., 2] = np.where((rows % 40 - 20) ** 2 + (columns % 40 - 20) ** 2 < 120, 180, 10)
    image[..., 0] = np.where((rows + columns) % 16 < 5, 140, 10)
    Image.fromarray(image).save(tmp_path / "stained.png")
    open_page(page, f"{app.url}/predict")
    upload(page, tmp_path / "stained.png", "Images to predict")
    expect(page.get_by_text("Looking for nuclei in")).to_contain_text("blue")
    page.locator('[data-testid="stButtonGroup"] button').filter(has_text="red").first.click()
    idle(page)
    expect(page).to_have_url(re.compile("channels=1"))
    page.get_by_text("Channels, contrast, scale").click()
    page.get_by_text("Invert the contrast").click()
    idle(page)
    expect(page).to_have_url(re.compile("channels=1.*invert=1"))
    page.reload()
    idle(page)
    expect(page.get_by_text("Looking for nuclei in")).to_contain_text("red, as you chose")
