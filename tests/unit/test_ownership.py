import pytest

from unet.ownership import NotYours, Visitor, owners_of

ANNA, BERT, ROOT = Visitor.of("anna"), Visitor.of("bert"), Visitor.of("root", rules=True)


def test_what_nobody_owns_is_for_all_to_see_and_for_none_to_change(tmp_path):
    assert ANNA.may_list(tmp_path)
    assert not ANNA.may_change(tmp_path)
    with pytest.raises(NotYours, match="another browser"):
        ANNA.require(tmp_path)
    ROOT.require(tmp_path)


def test_what_is_annas_is_not_berts(tmp_path):
    ANNA.claim(tmp_path)
    ANNA.claim(tmp_path)
    assert owners_of(tmp_path) == {ANNA.digest}
    assert ANNA.may_change(tmp_path) and ANNA.may_list(tmp_path)
    assert not BERT.may_change(tmp_path) and not BERT.may_list(tmp_path)
    assert ROOT.may_change(tmp_path) and ROOT.may_list(tmp_path)


def test_what_two_have_brought_is_deleted_by_the_last(tmp_path):
    ANNA.claim(tmp_path)
    BERT.claim(tmp_path)
    assert not ANNA.let_go(tmp_path)
    assert not ANNA.may_list(tmp_path)
    assert BERT.let_go(tmp_path)
    with pytest.raises(NotYours):
        ANNA.let_go(tmp_path)


def test_a_runs_model_is_its_makers(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "run.json").write_text("{}")
    ANNA.claim(tmp_path)
    assert ANNA.may_change(tmp_path / "model")
    assert not BERT.may_change(tmp_path / "model")


def test_the_token_itself_is_written_nowhere(tmp_path):
    Visitor.of("a secret").claim(tmp_path)
    assert "secret" not in (tmp_path / "owners").read_text()


@pytest.mark.parametrize("content", [b"\xff\x00\n\n", b"", b"x" * 300_000])
def test_a_damaged_file_of_owners_gives_nobody_anything(tmp_path, content):
    (tmp_path / "owners").write_bytes(content)
    assert not ANNA.may_change(tmp_path)
