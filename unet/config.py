"""The configuration of a model and its training: frozen, validated where it is made, JSON on disk.

The command line's flags and the Train page's widgets are both made from these fields; the defaults, the help and the
bounds stand here once.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from unet.errors import ConfigError

ACTIVATIONS = ("elu", "relu", "leaky_relu", "gelu", "silu")
NORMALIZATIONS = ("none", "batch", "group")
LOSSES = ("crossentropy", "dice", "crossentropy+dice")


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None, choices: tuple = ()) -> Any:
    """Declare a configuration field with its help and bounds; for a tuple the bounds hold for each value."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


def _checked(item: dataclasses.Field, value: Any) -> Any:
    """Return the field's value in its own type, or raise a ConfigError that names it."""
    default = item.default
    if isinstance(default, tuple):
        values = value if isinstance(value, (tuple, list)) else (value,)
        return tuple(_checked_value(item, default[0], part) for part in values)
    return _checked_value(item, default, value)


def _checked_value(item: dataclasses.Field, like: Any, value: Any) -> Any:
    if isinstance(like, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(like):
        raise ConfigError(f"{item.name} is {value!r}; it must be of type {type(like).__name__}.")
    low, high, choices = (item.metadata[key] for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ConfigError(f"{item.name} is {value!r}; choose from {', '.join(map(str, choices))}.")
    if low is not None and not low <= value <= high:
        raise ConfigError(f"{item.name} is {value!r}; it must lie between {low} and {high}.")
    return value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _times(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


class _Section:
    """What every part of the configuration can do: check its values, become JSON and come back."""

    def __post_init__(self):
        for item in dataclasses.fields(self):
            object.__setattr__(self, item.name, _checked(item, getattr(self, item.name)))

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return dataclasses.asdict(self, dict_factory=lambda pairs: {k: _plain(v) for k, v in pairs})

    @classmethod
    def from_dict(cls, data: dict[str, Any]):
        """Make the section from JSON types; a name that is not known is refused."""
        if not isinstance(data, dict):
            raise ConfigError(f"The configuration must be a table of names and values, not {type(data).__name__}.")
        known = {item.name for item in dataclasses.fields(cls)}
        for name in data:
            if name not in known:
                raise ConfigError(f"“{name}” is no setting; the settings are {', '.join(sorted(known))}.")
        return cls(**data)


@dataclass(frozen=True)
class ModelConfig(_Section):
    """The architecture of a U-Net (Ronneberger, Fischer and Brox, 2015). The defaults are the tutorial's."""

    input_size: tuple[int, int] = option(
        (128, 128), "Height and width, in pixels, to which images are resized for the network.", low=16, high=1024
    )
    channels: int = option(3, "Channels that the network sees: 3 for colour, 1 for grey.", choices=(1, 3))
    classes: int = option(1, "1: nucleus or background (sigmoid). 2 or more: class indices (softmax).", low=1, high=64)
    filters: tuple[int, ...] = option(
        (16, 32, 64, 128, 256), "Filters of each level, from the top of the U to its bottom.", low=1, high=1024
    )
    dropout: tuple[float, ...] = option(
        (0.1, 0.1, 0.2, 0.2, 0.3, 0.2, 0.2, 0.1, 0.1),
        "Share of values dropped in each block, left to right along the U; one value serves all blocks.",
        low=0.0,
        high=0.9,
    )
    activation: str = option("elu", "Activation after each convolution.", choices=ACTIVATIONS)
    normalization: str = option("none", "Normalisation after each convolution.", choices=NORMALIZATIONS)

    def __post_init__(self):
        super().__post_init__()
        if not 2 <= len(self.filters) <= 7:
            raise ConfigError(f"filters names {len(self.filters)} levels; a U-Net here has 2 to 7.")
        blocks = 2 * len(self.filters) - 1
        if len(self.dropout) == 1:
            object.__setattr__(self, "dropout", self.dropout * blocks)
        if len(self.dropout) != blocks:
            raise ConfigError(
                f"dropout has {len(self.dropout)} values; {len(self.filters)} levels need {blocks}, or 1."
            )
        if len(self.input_size) != 2:
            raise ConfigError(f"input_size is {self.input_size}; it must be a height and a width.")
        step = 2**self.depth
        if any(side % step for side in self.input_size):
            better = tuple(math.ceil(side / step) * step for side in self.input_size)
            raise ConfigError(
                f"input_size is {_times(self.input_size)}; {self.depth} poolings need multiples of {step}, "
                f"such as {_times(better)}."
            )

    @property
    def depth(self) -> int:
        """How often the image is halved on its way down."""
        return len(self.filters) - 1


@dataclass(frozen=True)
class TrainingConfig(_Section):
    """How a model is trained. The defaults are the tutorial's."""

    epochs: int = option(20, "How often the network sees the whole training set, at most.", low=1, high=10_000)
    batch_size: int = option(16, "Images between two corrections of the weights.", low=1, high=256)
    learning_rate: float = option(0.001, "Step size of Adam.", low=1e-7, high=1.0)
    loss: str = option("crossentropy", "What the training makes small.", choices=LOSSES)
    patience: int = option(
        5, "Epochs without a better validation loss after which training ends. 0 never ends early.", low=0, high=10_000
    )
    validation_fraction: float = option(0.1, "Share of the samples kept aside to validate on.", low=0.01, high=0.9)
    seed: int = option(42, "Same seed and data: same split, same start, same order.", low=0, high=2**31 - 1)
    flips: bool = option(False, "Augmentation: mirror images at random.")
    quarter_turns: bool = option(False, "Augmentation: turn images by 90 degrees at random.")
    brightness: float = option(
        0.0, "Augmentation: scale brightness at random by up to this share. 0 switches it off.", low=0.0, high=0.9
    )


@dataclass(frozen=True)
class Config:
    """Everything that a training needs to know besides its dataset."""

    preset: str = "tutorial"
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self):
        height, width = self.model.input_size
        if self.training.quarter_turns and height != width:
            raise ConfigError(f"quarter_turns needs a square input_size, not {_times(self.model.input_size)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON types."""
        return {"preset": self.preset, "model": self.model.to_dict(), "training": self.training.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Config:
        """Make the configuration from JSON types; unknown names are refused."""
        if not isinstance(data, dict) or set(data) - {"preset", "model", "training"}:
            raise ConfigError("A configuration has the parts preset, model and training, and no others.")
        return cls(
            preset=str(data.get("preset", "custom")),
            model=ModelConfig.from_dict(data.get("model", {})),
            training=TrainingConfig.from_dict(data.get("training", {})),
        )

    def replace(self, **changes: Any) -> Config:
        """Return a copy with the named fields of either section changed."""
        sections = {}
        for key, section in (("model", self.model), ("training", self.training)):
            names = {item.name for item in dataclasses.fields(section)}
            sections[key] = dataclasses.replace(section, **{k: v for k, v in changes.items() if k in names})
            changes = {k: v for k, v in changes.items() if k not in names}
        if changes:
            raise ConfigError(f"“{next(iter(changes))}” is no setting.")
        return dataclasses.replace(self, **sections)


PRESETS: dict[str, Config] = {"tutorial": Config()}


def preset(name: str) -> Config:
    """Return a named configuration.

    Raises
    ------
    ConfigError
        If there is no preset of that name; the message lists those that there are.
    """
    if name not in PRESETS:
        raise ConfigError(f"There is no preset “{name}”; the presets are {', '.join(PRESETS)}.")
    return PRESETS[name]
