"""The dialogs of the model chooser: the card and the export, over a closed popover."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from studio.common.model_export import _forget_oldest, export_path, make_export
from unet.errors import ModelError
from unet.files import read_json
from unet.settings import DEFAULT_MODEL


@pytest.fixture
def chooser(settings):
    """A page with nothing but the chooser of models, run once."""

    def page():
        from studio.common.model_picker import choose_models
        from unet.settings import read_settings

        choose_models(read_settings())

    return AppTest.from_function(page, default_timeout=60).run()


def test_scores_from_before_the_last_round_are_said_to_be(chooser):
    assert any("Measured as nuclei-fold-3" in each.value for each in chooser.caption)


def test_scores_say_on_which_images_and_rank_nothing(chooser):
    assert any("of “stage1\\_train”" in each.value and "cannot be compared" in each.value for each in chooser.caption)
    assert not any(digit in label for label in chooser.selectbox[0].options for digit in "0123456789")


def test_two_models_of_one_name_can_both_be_chosen(settings):
    for name in ("one", "two"):
        shutil.copytree(DEFAULT_MODEL, settings.models / name)

    def page():
        from studio.common.model_picker import choose_models
        from unet.settings import read_settings

        choose_models(read_settings())

    app = AppTest.from_function(page, default_timeout=60).run()
    for key in ("uploaded:two", "uploaded:one"):
        app.selectbox(key="model_choice").set_value(key).run()
        assert app.query_params["model"] == key


def test_the_export_is_made_only_when_asked_for_and_then_offered(settings):
    def page():
        from studio.common.model_export import show_exports
        from unet.models.registry import list_models
        from unet.settings import read_settings

        show_exports(list_models(read_settings())[0], "digest", read_settings())

    app = AppTest.from_function(page, default_timeout=120).run()
    assert not list(settings.cache.glob("exports/*"))
    app.button(key="make_digest_savedmodel").click().run()
    assert not app.exception
    assert any("greatest difference from this app" in each.value for each in app.caption)
    assert [path.name for path in settings.cache.glob("exports/*.zip")] == ["digest-savedmodel.zip"]


def test_the_popover_is_a_new_and_closed_one_once_the_card_opens(chooser):
    app = chooser
    app.button(key="model_card").click().run()
    assert not app.exception
    assert app.session_state["model_closed"] == 1


def test_two_models_have_files_of_their_own(settings):
    assert export_path("one", "onnx", settings) != export_path("two", "onnx", settings)
    assert export_path("one", "savedmodel", settings) != export_path("one", "litert", settings)


def test_what_the_other_process_refuses_is_told(settings, tmp_path):
    with pytest.raises(ModelError, match=r"model\.json"):
        make_export(tmp_path, "litert", export_path("broken", "litert", settings), settings)


def test_an_export_in_another_process_brings_its_figures(settings):
    target = export_path("shipped", "litert", settings)
    make_export(DEFAULT_MODEL, "litert", target, settings)
    assert read_json(target.with_suffix(".json"))["bytes"] == target.stat().st_size


def test_only_the_newest_exports_are_kept(tmp_path):
    import os

    for number in range(15):
        for suffix in (".json", ".zip"):
            (tmp_path / f"{number}{suffix}").touch()
            os.utime(tmp_path / f"{number}{suffix}", (number, number))
    _forget_oldest(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {str(number) for number in range(3, 15)}
