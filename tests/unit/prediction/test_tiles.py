import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.config import ModelConfig
from unet.models.network import reach
from unet.prediction.tiles import predict_tiled, regions

PRETRAINED = {
    "encoder": "efficientnet-lite0",
    "filters": (2, 3, 4, 5, 6),
    "dropout": (0.0,),
    "channels": 3,
    "normalization": "batch",
    "decoder_convolutions": 1,
    "resolution": "native",
}
NATIVE = {"resolution": "native", "outputs": "mask+border+distance", "decoder_convolutions": 1}
random = np.random.default_rng(0)


def joined(predictor, image, tile=None):
    """The maps of all tiles in one array."""
    config = predictor.info.config
    maps = np.full((*image.shape[:2], config.maps), np.nan, np.float32)
    for region, part in predict_tiled(lambda window: predictor._run(window[None])[0], image, config, tile):
        maps[region] = part
    return maps


@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 8), st.integers(0, 3))
def test_the_decided_parts_are_the_image_and_lie_in_what_is_seen(height, width, core, halo):
    size, halo = (height * 8, width * 8), halo * 8
    decided = np.zeros(size, int)
    for outer, inner in regions(size, core * 8 + 2 * halo, halo, 8):
        decided[inner] += 1
        for seen, kept, length in zip(outer, inner, size, strict=True):
            assert seen.start % 8 == 0
            assert seen.start <= max(0, kept.start - halo) or seen == slice(0, length)
            assert seen.stop >= min(length, kept.stop + halo)
            assert seen.stop - seen.start <= max(core * 8 + 2 * halo, 8)
    assert (decided == 1).all()


@pytest.mark.parametrize("convolutions", [1, 2])
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_tiles_give_the_same_map_as_one_pass(make_predictor, convolutions, normalization):
    changes = NATIVE | {"decoder_convolutions": convolutions, "normalization": normalization, "filters": (2, 4, 8)}
    predictor = make_predictor(**changes)
    config = predictor.info.config
    image = random.integers(0, 256, (131, 190, 1), np.uint8)
    whole = joined(predictor, image, tile=256)
    tiled = joined(predictor, image, tile=3 * reach(config))
    assert whole.shape == (131, 190, 3)
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_tiles_of_the_pretrained_encoder_give_the_same_map_as_one_pass(make_predictor):
    predictor = make_predictor(**PRETRAINED)
    config = predictor.info.config
    halo = reach(config)
    # At least three tiles wide, so that one in the middle sees no edge of the image.
    image = random.integers(0, 256, (72, 4 * halo, 3), np.uint8)
    whole = joined(predictor, image, tile=4 * halo)
    tiled = joined(predictor, image, tile=3 * halo)
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_what_lies_beyond_reach_changes_nothing(make_predictor):
    predictor = make_predictor(**(NATIVE | {"filters": (2, 4, 8)}))
    config = predictor.info.config
    image = random.integers(0, 256, (160, 160, 1), np.uint8)
    changed = image.copy()
    changed[:40] = 255 - changed[:40]
    before, after = (joined(predictor, each) for each in (image, changed))
    far = 40 + reach(config)
    np.testing.assert_array_equal(before[far:], after[far:])
    assert not np.array_equal(before[:far], after[:far])


def test_reach_by_hand():
    # The stem; filters at half of the image's size, a quarter, an eighth and a 16th, those of 5 reaching two pixels;
    # the bottom and a step of pooling at a 16th; the way up.
    encoder = 1 + 2 + 2 + 4 + 2 * 4 + 2 * 8 + 8 + 2 * 16 + 3 * 2 * 16
    assert encoder + 16 + (8 + 4 + 2 + 1) + 16 <= reach(ModelConfig(**PRETRAINED)) < encoder + 16 + 15 + 16 + 16
    # Two convolutions at steps 1, 2 and 4, one at 2 and 1 on the way up, and a step of pooling.
    assert reach(ModelConfig(filters=(2, 4, 8), dropout=(0.0,), decoder_convolutions=1)) == 2 * (1 + 2 + 4) + 3 + 4 + 3


def test_a_tile_says_that_it_is_done_and_may_be_the_last(make_predictor):
    predictor = make_predictor(**(NATIVE | {"filters": (2, 4, 8)}))
    config = predictor.info.config
    image = np.zeros((150, 100, 1), np.uint8)
    tiles, done = 3 * reach(config), []
    steps = predict_tiled(
        lambda window: np.zeros((*window.shape[:2], 3)), image, config, tiles, lambda *at: done.append(at)
    )
    regions_seen = [region for region, _ in steps]
    assert done == [(number + 1, len(regions_seen)) for number in range(len(regions_seen))]

    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(predict_tiled(lambda window: np.zeros((*window.shape[:2], 3)), image, config, tiles, stop))
