"""What lies beside an exported network: how images are prepared for it, and what its maps mean."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unet.models.metadata import INFO_FILE, ModelInfo

if TYPE_CHECKING:
    from unet.models.export import ExportFormat


def finish(made: Path, target: Path, info: ModelInfo, chosen: ExportFormat, shape: Sequence[int | None]) -> None:
    """Write the file that is given: the network, and what describes it."""
    about = json.dumps(info.to_dict(), indent=2, ensure_ascii=False)
    readme = _readme(info, chosen, shape)
    if made.suffix == ".onnx":
        _add_metadata(made, {INFO_FILE: about, "README": readme})
        shutil.copyfile(made, target)
        return
    files = sorted(path for path in made.rglob("*") if path.is_file()) if made.is_dir() else [made]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        if made.name == "package":  # which has all of this
            for path in files:
                archive.write(path, path.relative_to(made))
            return
        archive.writestr("README.md", readme)
        archive.writestr(INFO_FILE, about)
        for path in files:
            archive.write(path, path.relative_to(made.parent))


def _add_metadata(path: Path, properties: dict[str, str]) -> None:
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, path)


def _readme(info: ModelInfo, chosen: ExportFormat, shape: Sequence[int | None]) -> str:
    config = info.config
    maps = "the mask, the border between touching nuclei and the distance from the edge" if config.has_heads else None
    maps = maps or ("the foreground" if config.classes == 1 else f"each of {config.classes} classes, which sum to 1")
    sides = f"\nHeight and width are multiples of {2**config.depth}." if None in shape[1:3] else ""
    return f"""# {info.name}, as {chosen.title}

Input: {describe(shape)}, values 0 to 255; the division by 255 is part of the network.{sides}
Output: {describe((*shape[:3], config.maps))}, values 0 to 1: {maps}.

Before the network: {info.to_dict()["preprocessing"]["description"]}

After it: a pixel whose first map lies above {info.threshold:g} is foreground. How touching nuclei are separated
stands in {INFO_FILE} under “separation”.
"""


def describe(shape: Sequence[int | None]) -> str:
    """Return type and shape of a tensor as people read them; None stands for any size."""
    names = ("batch", "height", "width", "channels")
    return f"float32 ({', '.join(str(side or name) for side, name in zip(shape, names, strict=True))})"
