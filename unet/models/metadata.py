"""``model.json``: what a Model folder says of itself, read as something a stranger may have written."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unet.config import ModelConfig, Separation
from unet.errors import ModelError
from unet.models.limits import check_config
from unet.models.untrusted import MAX_NAME, check_plain, finite_number, named_numbers, printable_name

INFO_FILE = "model.json"
# Format 1 knew neither separation nor images at their own size; it is still read.
FORMAT_VERSION = 2
MAX_INFO_BYTES = 256 * 1024

# How images are prepared for the network, for other programs to read; what counts here is the architecture.
INTENSITY = {
    "stored": "8-bit images as they are, deeper ones scaled from minimum .. 99.9th percentile to 0 .. 255; ",
    "percentiles": "scaled from the luma's 1st .. 99.8th percentile to 0 .. 255, then inverted where the median lies "
    "above 0.35 of that range; ",
}
RESOLUTION = {
    "resized": "grey or colour made to the network's channels; resized with anti-aliasing to its input size. "
    "The probability map is resized back, bilinearly.",
    "native": "grey or colour made to the network's channels; at the image's own size, its right and lower edge "
    "mirrored up to the next multiple of 2 ** levels.",
}


@dataclass(frozen=True)
class ModelInfo:
    """What a Model folder says of itself.

    Attributes
    ----------
    name : str
        One printable line.
    config : ModelConfig
        The architecture.
    threshold : float
        0 to 1: a pixel with a probability above it counts as foreground, unless the user says otherwise.
    scores : dict
        Scores on the validation images: ``loss``, ``accuracy``, ``dice``, ``iou``.
    provenance : dict
        Where the model comes from, as JSON types: ``created``, ``run``, ``dataset``, ``command``, ``versions``, ...
    separation : Separation
        How touching nuclei are separated, unless the user says otherwise.
    """

    name: str
    config: ModelConfig
    threshold: float = 0.5
    scores: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    separation: Separation = field(default_factory=Separation)

    def to_dict(self) -> dict[str, Any]:
        """Return the contents of ``model.json``."""
        return {
            "format": FORMAT_VERSION,
            "name": self.name,
            "architecture": self.config.to_dict(),
            "preprocessing": preprocessing(self.config),
            "threshold": self.threshold,
            "separation": self.separation.to_dict(),
            "scores": dict(self.scores),
            "provenance": copy.deepcopy(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Any) -> ModelInfo:
        """Make the information from JSON types, trusting none of them.

        Raises
        ------
        ValueError
            If anything has a wrong type, is out of bounds, missing or not known.
        """
        if not isinstance(data, dict) or data.get("format") not in range(1, FORMAT_VERSION + 1):
            raise ValueError(f"it is not a model description of format {FORMAT_VERSION} or lower")
        expected = {"format", "name", "architecture", "preprocessing", "threshold", "scores", "provenance"}
        if data["format"] > 1:
            expected.add("separation")
        if set(data) != expected:
            raise ValueError(f"it must have the entries {', '.join(sorted(expected))} and no others")
        config = ModelConfig.from_dict(data["architecture"])
        kind = preprocessing(config)["kind"]
        if not isinstance(data["preprocessing"], dict) or data["preprocessing"].get("kind") != kind:
            raise ValueError(f"the preprocessing must be of the kind “{kind}”")
        check_plain(data["preprocessing"], "preprocessing")
        check_plain(data["provenance"], "provenance")
        if not isinstance(data["provenance"], dict):
            raise ValueError("provenance must be a table of names and values")
        return cls(
            name=printable_name(data["name"]),
            config=check_config(config),
            threshold=finite_number(data["threshold"], "threshold", low=0, high=1),
            separation=Separation.from_dict(data["separation"]) if "separation" in data else usual_separation(config),
            scores=named_numbers(data["scores"]),
            provenance=data["provenance"],
        )


def preprocessing(config: ModelConfig) -> dict[str, str]:
    """Describe how images are prepared for a network."""
    return {
        "kind": f"{'uint8' if config.intensity == 'stored' else 'percentiles'}-"
        f"{'native' if config.is_native else 'resize'}",
        "description": INTENSITY[config.intensity] + RESOLUTION[config.resolution],
    }


def read_info(folder: Path) -> ModelInfo:
    """Read ``model.json`` of a Model folder, without TensorFlow.

    Raises
    ------
    ModelError
        If it is missing, too large, or anything in it is not as it must be.
    """
    path = Path(folder) / INFO_FILE
    try:
        with path.open("rb") as file:
            return parse_info(file.read(MAX_INFO_BYTES + 1))
    except FileNotFoundError:
        raise ModelError(
            f"The model “{title_of(folder)}” has no {INFO_FILE}; name a Model folder, such as a run's “model”."
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise ModelError(f"{INFO_FILE} of the model “{title_of(folder)}” cannot be read: {reason}.") from error
    except ValueError as error:
        raise ModelError(f"{INFO_FILE} of the model “{title_of(folder)}” cannot be used: {error}.") from error


def title_of(folder: Path) -> str:
    """Return what messages call a Model folder: its own name, or its run's. Where it lies is nobody's business."""
    folder = Path(folder)
    return (folder.parent if folder.name == "model" else folder).name[:MAX_NAME]


def usual_separation(model: ModelConfig) -> Separation:
    """Return how touching nuclei are separated where a Model folder does not say it: by shape, if by nothing else."""
    # Of a mask alone, shallow valleys are all there is to go by: 0.1 counts best (docs/recipe.md).
    separate = model.classes == 1
    return Separation(separate) if model.has_heads else Separation(separate, min_valley_depth=0.1)


def parse_info(content: bytes) -> ModelInfo:
    """Read the bytes of a ``model.json``.

    Raises
    ------
    ValueError
        If they are not what they must be.
    """
    if len(content) > MAX_INFO_BYTES:
        raise ValueError(f"it is larger than {MAX_INFO_BYTES // 1024} KiB")
    try:
        data = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
        return ModelInfo.from_dict(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except OverflowError:
        raise ValueError("it holds a number that is too large") from None


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")
