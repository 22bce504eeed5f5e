import pytest

from studio.predict.stack import _after


@pytest.mark.parametrize(
    ("places", "order"),
    [
        ([(0, 0), (0, 1), (0, 2)], [0, 1, 2, 0]),
        ([(0, 0), (0, 1), (1, 0), (1, 1)], [1, 3, 1]),  # time runs on in the plane that is looked at
        ([(0, 0), (1, 0), (0, 1), (1, 1)], [0, 1, 0]),
    ],
)
def test_time_is_played_where_there_is_some_and_else_depth(places, order):
    played = order[:1]
    for _ in order[1:]:
        played.append(_after(places, played[-1]))
    assert played == order
