"""The page Inside, as Streamlit runs it."""

from __future__ import annotations

import json

from studio.predict.image_picker import sample_images


def subjects(app) -> list[str]:
    return [
        json.loads(each.proto.json)["subject"] for each in app.get("bidi_component") if "palette" in each.proto.json
    ][:1]


def test_it_works_on_the_first_click(open_app):
    app = open_app("inside")
    assert not app.exception
    assert app.selectbox(key="choice_of_picture").options[0] == "touching.png"
    assert subjects(app)


def test_another_square_and_another_model_are_another_subject(open_app):
    seen = set()
    for query in ({}, {"top": "0"}, {"side": "64"}, {"model": "tutorial"}, {"picture": sample_images()[0].digest}):
        app = open_app("inside", **query)
        assert not app.exception
        seen.update(subjects(app))
    assert len(seen) == 5


def test_a_place_in_a_large_image_is_kept_within_a_small_one(open_app):
    app = open_app("inside", top="100000", left="100000")
    app.selectbox(key="choice_of_picture").select_index(1).run()
    assert not app.exception and subjects(app)


def test_nonsense_in_the_address_is_put_right(open_app):
    app = open_app("inside", top="-9", left="1e9", side="7", picture="nowhere", at="~~~~", tour="x")
    assert not app.exception
    assert subjects(app)
