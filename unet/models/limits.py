"""How large a network may be that this program trains or runs."""

from __future__ import annotations

from unet.config import ModelConfig
from unet.errors import ConfigError
from unet.models.efficientnet import BLOCKS
from unet.models.network import count_parameters, tile_size

# A U-Net of 64 to 1024 filters has 31 million parameters; this leaves room for three of them.
MAX_PARAMETERS = 100_000_000
# Values in the largest tensor of one image: 1 GiB of float32.
MAX_TENSOR = 2**28


def check_config(config: ModelConfig) -> ModelConfig:
    """Return the architecture if this program can handle it.

    Raises
    ------
    ConfigError
        If its weights or its largest tensor are beyond the bounds.
    """
    parameters = count_parameters(config)
    if parameters > MAX_PARAMETERS:
        raise ConfigError(
            f"the network has {parameters:,} parameters, more than {MAX_PARAMETERS:,}; make `filters` smaller"
        )
    if largest_tensor(config) > MAX_TENSOR:
        raise ConfigError(
            "a single image would need tensors of more than 1 GiB; make `input_size` or `filters` smaller"
        )
    return config


def largest_tensor(config: ModelConfig) -> int:
    """Return the number of values in the network's largest tensor for one image: a level's skip connection, joined."""
    height, width = (tile_size(config),) * 2 if config.is_native else config.input_size
    levels = [height * width // 4**level * 2 * filters for level, filters in enumerate(config.filters)]
    if config.is_pretrained:
        # Each block spreads its channels at the size that it is given.
        levels += [height * width // 4 ** (block.level - block.stride + 1) * block.wide for block in BLOCKS]
    return max(*levels, height * width * config.maps)
