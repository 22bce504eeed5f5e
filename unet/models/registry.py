"""Which models there are: of runs, uploaded, and shipped. Listing them needs no TensorFlow."""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from unet.digest import new_digest
from unet.errors import ModelError, shortened
from unet.files import is_name, own_prefix, slug_of
from unet.models.metadata import INFO_FILE, MAX_INFO_BYTES, ModelInfo, parse_info, read_info
from unet.models.weights import WEIGHTS_FILE, check_weights, max_weights_bytes
from unet.room import require_room
from unet.settings import DEFAULT_MODEL, SHIPPED_MODELS, Settings

CHUNK = 1024 * 1024
MAX_ZIP_MEMBERS = 1000
# What a package of bioimage.io calls its description.
PACKAGES = ("rdf.yaml", "bioimageio.yaml")


@dataclass(frozen=True)
class ModelEntry:
    """A model to choose: ``key`` goes into addresses, ``label`` is for people."""

    key: str
    label: str
    folder: Path
    info: ModelInfo


def run_key(name: str) -> str:
    """Return the key of the model of the run of that name."""
    return f"run:{name}"


def uploaded_key(folder: Path) -> str:
    """Return the key of a Model folder below ``settings.models``."""
    return f"uploaded:{folder.name}"


def list_models(settings: Settings) -> list[ModelEntry]:
    """Return the models that can be used: the shipped default, ended runs' (newest first), uploaded, other shipped.

    The first one is what is used where nobody has chosen: what somebody has just tried out is not everybody's.

    Folders that cannot be read are left out; ``find_model`` says what is wrong with one.
    """
    from unet.runs.run import list_runs

    keys = [run_key(run.name) for run in list_runs(settings) if run.model_folder and not run.state().active]
    uploaded = sorted(settings.models.glob(f"[!.]*/{INFO_FILE}"), key=_modified, reverse=True)
    keys += [uploaded_key(path.parent) for path in uploaded]
    keys += sorted(path.parent.name for path in SHIPPED_MODELS.glob(f"[!.]*/{INFO_FILE}"))
    keys.sort(key=lambda key: key != DEFAULT_MODEL.name)  # a stable sort: the others stay in their order
    entries = []
    for key in keys:
        with contextlib.suppress(ModelError):
            entries.append(_entry(key, settings))
    return entries


def find_model(key: str, settings: Settings) -> ModelEntry:
    """Return the model of that key; the one of a run that is still training is found too.

    Raises
    ------
    ModelError
        If there is none, or its folder cannot be used.
    """
    kind, _, name = key.rpartition(":")
    # The key may come from an address: it must not lead out of the folder.
    known = kind in ("run", "uploaded", "") and is_name(name)
    if not known or not (_folder(kind, name, settings) / INFO_FILE).is_file():
        keys = ", ".join(entry.key for entry in list_models(settings)[:5]) or "none yet"
        raise ModelError(f"There is no model “{key[:100]}”. Models: {keys}.")
    return _entry(key, settings)


def _entry(key: str, settings: Settings) -> ModelEntry:
    from unet.runs.notes import title_of
    from unet.runs.run import Run

    kind, _, name = key.rpartition(":")
    folder = _folder(kind, name, settings)
    info = read_info(folder)
    label = {
        "run": f"Run {title_of(Run(settings.runs / name))}",
        "uploaded": f"{info.name} ({'copy' if 'copy_of' in info.provenance else 'uploaded'})",
        "": f"{info.name} (shipped)",
    }[kind]
    return ModelEntry(key, label, folder, info)


def _folder(kind: str, name: str, settings: Settings) -> Path:
    return {
        "run": settings.runs / name / "model",
        "uploaded": settings.models / name,
        "": SHIPPED_MODELS / name,
    }[kind]


def _modified(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.parent.stat().st_mtime
    return 0.0


def store_model_zip(archive: Path, settings: Settings, name: str | None = None) -> Path:
    """Keep an uploaded Model folder: a zip of ``model.json`` and ``model.weights.h5``, and nothing else.

    Of a package of bioimage.io the same two files are taken, which those that were exported here have among others.

    Parameters
    ----------
    archive : Path
        Both files lie at the top or in one folder; what macOS adds is passed over.
    settings : Settings
    name : str, optional
        For the folder; by default the model's own name.

    Returns
    -------
    Path
        The Model folder, below ``settings.models``; the same content again gives the same one.

    Raises
    ------
    ModelError
        If the archive is refused; the message says why.
    """
    settings.models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=own_prefix(), dir=settings.models) as temporary:
        folder = Path(temporary) / f"upload {Path(archive).stem}"[:60]  # as messages call it
        folder.mkdir()
        digest = new_digest(size=6)
        try:
            with zipfile.ZipFile(archive) as file:
                info = _extract(file, folder, digest)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
            raise ModelError(
                f"{Path(archive).name} is not a readable zip archive ({shortened(str(error))})."
            ) from error
        except ValueError as error:
            raise ModelError(f"{Path(archive).name} is refused: {error}.") from error
        except OSError as error:
            raise ModelError(f"{Path(archive).name} cannot be kept: {error.strerror or error}.") from error
        check_weights(folder / WEIGHTS_FILE, info.config)
        stored = next(_stored(settings, digest.hexdigest()), None)
        if stored is None:
            require_room(settings, ModelError)
            stored = settings.models / f"{slug_of(name or info.name, 'model')}-{digest.hexdigest()}"
            folder.rename(stored)
        return stored


def _stored(settings: Settings, digest: str) -> Iterator[Path]:
    return (path.parent for path in settings.models.glob(f"[!.]*-{digest}/{INFO_FILE}"))


def _extract(archive: zipfile.ZipFile, folder: Path, digest: blake2b) -> ModelInfo:
    """Write the two files and return what ``model.json`` says; what it says bounds the weights."""
    members = _choose_members(archive.infolist())
    with archive.open(members[INFO_FILE]) as source:
        content = source.read(MAX_INFO_BYTES + 1)
    info = parse_info(content)
    (folder / INFO_FILE).write_bytes(content)
    digest.update(content)
    room = max_weights_bytes(info.config)
    with archive.open(members[WEIGHTS_FILE]) as source, (folder / WEIGHTS_FILE).open("wb") as target:
        # Sizes in headers lie, so the bytes are counted as they come.
        while chunk := source.read(CHUNK):
            room -= len(chunk)
            if room < 0:
                raise ValueError(f"{WEIGHTS_FILE} is much larger than the weights of its architecture")
            digest.update(chunk)
            target.write(chunk)
    return info


def _choose_members(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(members) > MAX_ZIP_MEMBERS:
        raise ValueError("it has too many members to be a Model folder")
    if any(member.filename in PACKAGES for member in members):
        members = [member for member in members if member.filename in (INFO_FILE, WEIGHTS_FILE)]
        if len(members) != 2:
            raise ValueError(
                "it is a package of bioimage.io with a network of another program; of these, only packages that were "
                f"exported here, which hold {INFO_FILE} and {WEIGHTS_FILE}, can be opened"
            )
    chosen: dict[str, zipfile.ZipInfo] = {}
    parents = set()
    for member in members:
        path = PurePosixPath(member.filename)
        if member.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
            continue
        if path.name not in (INFO_FILE, WEIGHTS_FILE) or len(path.parts) > 2 or path.name in chosen:
            raise ValueError(f"only {INFO_FILE} and {WEIGHTS_FILE} belong in it, not {shortened(member.filename)!r}")
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{path.name} is encrypted or packed in an unusual way")
        chosen[path.name] = member
        parents.add(path.parent)
    if len(chosen) != 2 or len(parents) != 1:
        raise ValueError(f"it must hold {INFO_FILE} and {WEIGHTS_FILE}, side by side")
    return chosen
