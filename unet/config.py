"""The configuration of a model and its training: frozen, validated where it is made, JSON on disk.

The command line's flags and the Train page's widgets are both made from these fields; the defaults, the help and the
bounds stand here once.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from unet.errors import ConfigError
from unet.options import Section, option, size_text

ACTIVATIONS = ("elu", "relu", "leaky_relu", "gelu", "silu")
NORMALIZATIONS = ("none", "batch", "group")
LOSSES = ("crossentropy", "dice", "crossentropy+dice")
RESOLUTIONS = ("resized", "native")
INTENSITIES = ("stored", "percentiles")
OUTPUTS = ("mask", "mask+border+distance")
ENCODERS = ("unet", "efficientnet-lite0")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "bfloat16", "auto")
# Training settings that only crops know: of no effect where whole images are resized.
ONLY_CROPS = ("crops", "scale", "balance", "rehearsal", "rehearse")


@dataclass(frozen=True)
class ModelConfig(Section):
    """The architecture of a U-Net (Ronneberger, Fischer and Brox, 2015). The defaults are the tutorial's."""

    input_size: tuple[int, int] = option(
        (128, 128), "Height and width, in pixels, to which images are resized for the network.", low=16, high=1024
    )
    channels: int = option(3, "Channels that the network sees: 3 for colour, 1 for grey.", choices=(1, 3))
    classes: int = option(1, "1: nucleus or background (sigmoid). 2 or more: class indices (softmax).", low=1, high=64)
    filters: tuple[int, ...] = option(
        (16, 32, 64, 128, 256), "Filters of each level, from the full resolution to the bottleneck.", low=1, high=1024
    )
    dropout: tuple[float, ...] = option(
        (0.1, 0.1, 0.2, 0.2, 0.3, 0.2, 0.2, 0.1, 0.1),
        "Share of values dropped in each block, left to right along the U; one value applies to all blocks.",
        low=0.0,
        high=0.9,
    )
    activation: str = option("elu", "Activation after each convolution.", choices=ACTIVATIONS)
    normalization: str = option("none", "Normalisation after each convolution.", choices=NORMALIZATIONS)
    decoder_convolutions: int = option(2, "Convolutions in each block of the decoder; 1 is lighter.", low=1, high=2)
    encoder: str = option(
        "unet",
        "The contracting path: the U-Net's own, or a network's that has learned from ImageNet's photographs.",
        choices=ENCODERS,
    )
    outputs: str = option(
        "mask",
        "What the network predicts for each pixel. Border (between touching nuclei) and distance (from the edge of a "
        "nucleus) make it possible to separate touching nuclei.",
        choices=OUTPUTS,
    )
    resolution: str = option(
        "resized",
        "resized: whole images are resized to input_size. native: images keep their size; the network learns from "
        "random crops of input_size and predicts in tiles.",
        choices=RESOLUTIONS,
    )
    intensity: str = option(
        "stored",
        "stored: values as they are. percentiles: each image stretched to its own range, bright backgrounds inverted.",
        choices=INTENSITIES,
    )

    def __post_init__(self):
        super().__post_init__()
        if self.has_heads and self.classes != 1:
            raise ConfigError(f"`outputs` is `{self.outputs}`, which separates nuclei; it needs `classes` 1.")
        if self.has_heads and not self.is_native:
            raise ConfigError(f"`outputs` is `{self.outputs}`, which needs `resolution` `native`.")
        if not 2 <= len(self.filters) <= 7:
            raise ConfigError(f"`filters` names {len(self.filters)} levels; a U-Net here has 2 to 7.")
        blocks = 2 * len(self.filters) - 1
        if len(self.dropout) == 1:
            object.__setattr__(self, "dropout", self.dropout * blocks)
        if len(self.dropout) != blocks:
            raise ConfigError(
                f"`dropout` has {len(self.dropout)} values; {len(self.filters)} levels need {blocks}, or 1."
            )
        if self.is_pretrained and (self.channels, len(self.filters), self.normalization) != (3, 5, "batch"):
            raise ConfigError(f"`encoder` `{self.encoder}` needs `channels` 3, 5 `filters`, `normalization` `batch`.")
        if len(self.input_size) != 2:
            raise ConfigError(f"`input_size` is {self.input_size}; it must be a height and a width.")
        step = 2**self.depth
        if any(side % step for side in self.input_size):
            better = tuple(math.ceil(side / step) * step for side in self.input_size)
            raise ConfigError(
                f"`input_size` is {size_text(self.input_size)} (width x height); {self.depth} poolings need multiples "
                f"of {step}, such as {size_text(better)}."
            )

    @property
    def depth(self) -> int:
        """How often the encoder halves the image."""
        return len(self.filters) - 1

    @property
    def is_pretrained(self) -> bool:
        """Whether the contracting path is one that has learned from other pictures before."""
        return self.encoder != "unet"

    @property
    def has_heads(self) -> bool:
        """Whether the network predicts border and distance beside the mask."""
        return self.outputs != "mask"

    @property
    def is_native(self) -> bool:
        """Whether images keep their own size."""
        return self.resolution == "native"

    @property
    def maps(self) -> int:
        """How many maps the network predicts: one per class, or mask, border and distance."""
        return 3 if self.has_heads else self.classes


@dataclass(frozen=True)
class TrainingConfig(Section):
    """How a model is trained. The defaults are the tutorial's."""

    epochs: int = option(20, "Maximum number of passes over the training set.", low=1, high=10_000)
    batch_size: int = option(16, "Images per gradient step.", low=1, high=256)
    learning_rate: float = option(0.001, "Step size of Adam; with a schedule, its peak.", low=1e-7, high=1.0)
    schedule: str = option(
        "constant",
        "Learning rate over the training. cosine: it rises over the first twentieth, then falls to zero.",
        choices=SCHEDULES,
    )
    weight_decay: float = option(
        0.0, "Share of each weight that a step at learning rate 1 removes (AdamW).", low=0.0, high=1.0
    )
    loss: str = option("crossentropy", "Loss function to minimise.", choices=LOSSES)
    patience: int = option(
        2, "Epochs without a better validation loss after which training ends. 0 never ends early.", low=0, high=10_000
    )
    validation_fraction: float = option(0.1, "Share of the samples kept aside to validate on.", low=0.01, high=0.9)
    held_out: str = option(
        "",
        "Kinds of images to validate on as a whole, separated by commas: the score is then that of unseen kinds. "
        "Empty: a random share of all images.",
    )
    start_from: str = option(
        "",
        "The model whose weights the training begins with, such as nuclei or run:NAME; its architecture must be the "
        "same. Empty: weights drawn at random, but those of a pretrained encoder.",
    )
    precision: str = option(
        "float32",
        "Number format of the computations while training; weights are always float32. auto: bfloat16 where the "
        "processor has instructions for it.",
        choices=PRECISIONS,
    )
    crops: int = option(
        0, "Native resolution: random crops per epoch. 0: as many as there are images.", low=0, high=1_000_000
    )
    seed: int = option(42, "Same seed and data: same split, same start, same order.", low=0, high=2**31 - 1)
    flips: bool = option(False, "Augmentation: mirror images at random.")
    quarter_turns: bool = option(False, "Augmentation: turn images by 90 degrees at random.")
    brightness: float = option(
        0.0, "Augmentation: scale brightness at random by up to this share. 0 switches it off.", low=0.0, high=0.9
    )
    scale: float = option(
        1.0, "Augmentation of crops: shrink or enlarge by up to this factor. 1 switches it off.", low=1.0, high=3.0
    )
    gentle: bool = option(False, "With start_from: normalisations and each image's scale stay as the start has them.")
    start_share: float = option(0.0, "With start_from: its share in weights and threshold.", low=0.0, high=0.9)
    rehearsal: float = option(0.0, "Share of the crops that are of the dataset `rehearse`.", low=0.0, high=0.9)
    rehearse: str = option("", "A second dataset, which the start knew and is not to forget.")
    photometric: float = option(
        0.0, "Augmentation: change contrast, gamma, stain, noise and focus, 0 (not at all) to 1.", low=0.0, high=1.0
    )
    film: bool = option(True, "Keep what the layers make of one square after each epoch, for the page Inside.")
    balance: float = option(
        0.0, "Crops: 0 draws all images equally often, 1 all kinds (dark, bright, coloured).", low=0.0, high=1.0
    )


@dataclass(frozen=True)
class Separation(Section):
    """How touching nuclei are separated, once a threshold has said what is nucleus at all."""

    separate: bool = option(False, "Separate touching nuclei. Off: every connected area is one object.")
    min_valley_depth: float = option(
        0.3,
        "How deep the valley between two nuclei must be, as a share of the lower one's height. Lower splits more.",
        low=0.01,
        high=0.95,
        formerly="depth",
    )
    min_peak_distance: float = option(
        0.0,
        "Objects are left out unless the model's distance map, 0 to 1, reaches this value somewhere in them. Higher "
        "keeps only clear shapes. No effect on models without that map.",
        low=0.0,
        high=0.95,
        formerly="heart",
    )
    min_area: int = option(0, "Smaller objects, in pixels, are left out.", low=0, high=100_000)
    fill_holes: bool = option(False, "Fill the holes inside each object.")
    clear_edge: bool = option(False, "Leave out objects that touch the image's edge: a part of them is missing.")


@dataclass(frozen=True)
class Config:
    """All that a training needs to know apart from its dataset."""

    preset: str = "tutorial"
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self):
        height, width = self.model.input_size
        if self.training.quarter_turns and height != width:
            raise ConfigError(f"`quarter_turns` needs a square `input_size`, not {size_text(self.model.input_size)}.")

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
        sections: dict[str, Any] = {}
        for key, section in (("model", self.model), ("training", self.training)):
            names = {item.name for item in dataclasses.fields(section)}
            sections[key] = dataclasses.replace(section, **{k: v for k, v in changes.items() if k in names})
            changes = {k: v for k, v in changes.items() if k not in names}
        if changes:
            raise ConfigError(f"“{next(iter(changes))}” is not a setting.")
        return dataclasses.replace(self, **sections)


NUCLEI = Config(
    preset="nuclei",
    model=ModelConfig(
        input_size=(192, 192),
        dropout=(0.0,) * 9,
        activation="relu",
        normalization="batch",
        decoder_convolutions=1,
        outputs="mask+border+distance",
        resolution="native",
        intensity="percentiles",
    ),
    training=TrainingConfig(
        epochs=36,
        batch_size=8,
        learning_rate=0.002,
        schedule="cosine",
        weight_decay=0.01,
        loss="crossentropy+dice",
        patience=0,
        precision="auto",
        crops=1200,
        flips=True,
        quarter_turns=True,
        scale=1.6,
        photometric=0.5,
        balance=0.3,
    ),
)
# Few images, corrected by hand, and a model to start from: minutes on two cores (docs/learn.md).
FINETUNE = dataclasses.replace(NUCLEI, preset="finetune").replace(
    epochs=10, crops=200, learning_rate=0.0005, balance=0.0, start_from="nuclei", gentle=True, start_share=0.5,
    rehearsal=0.25, rehearse="synthetic-nuclei",
)  # fmt: skip
PRESETS: dict[str, Config] = {"tutorial": Config(), "nuclei": NUCLEI, "finetune": FINETUNE}


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
