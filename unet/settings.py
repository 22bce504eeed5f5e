"""Where everything is kept, and the limits of a deployment: read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unet.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[1]
INSTALLED = Path(__file__).resolve().parent / "_app"  # where a wheel keeps the app's own files; see pyproject.toml
PROJECT = INSTALLED if INSTALLED.exists() else CHECKOUT
ASSETS = PROJECT / "assets"
SAMPLE_IMAGES = ASSETS / "samples"
SHIPPED_MODELS = ASSETS / "models"
DEFAULT_MODEL = SHIPPED_MODELS / "nuclei"

MB = 1024 * 1024
SHORTEST_KEY = 16


@dataclass(frozen=True)
class Settings:
    """The settings of one installation.

    Attributes
    ----------
    home : Path
        ``UNET_HOME``: the one folder under which datasets, runs, models and caches are kept.
    max_upload_mb : int
        ``UNET_MAX_UPLOAD_MB``: the largest archive or image accepted, in MiB.
    max_dataset_mb : int
        ``UNET_MAX_DATASET_MB``: the largest dataset after unpacking, in MiB.
    max_image_megapixels : int
        ``UNET_MAX_IMAGE_MEGAPIXELS``: the largest image accepted, in millions of pixels.
    training : bool
        ``UNET_TRAINING``: whether the app offers training (``on``/``off``).
    local_folders : bool
        ``UNET_LOCAL_FOLDERS``: whether whoever opens the app on this very machine may name a folder as dataset, and
        change what has no owner or another (``on``/``off``). It takes effect only while the server listens to this
        machine alone, and means that no proxy passes others on to it, which the server cannot see.
    keep_runs : int
        ``UNET_KEEP_RUNS``: how many finished runs are kept; the oldest go when a new one starts. 0 keeps all.
    max_kept_mb : int
        ``UNET_MAX_KEPT_MB``: how much all datasets and uploaded models may take together, in MiB.
    max_cache_mb : int
        ``UNET_MAX_CACHE_MB``: how much of what can be made or uploaded again is kept, in MiB: images to predict, files
        of exported models, scores, and what trainings have prepared.
    cache_days : int
        ``UNET_CACHE_DAYS``: after how many days without use it goes.
    threads : int
        ``UNET_THREADS``: how many threads a network predicts with; 0 takes all cores.
    admin_key : str
        ``UNET_ADMIN_KEY``: who knows it may stop, change and delete whatever there is. Empty: nobody may.
    """

    home: Path
    max_upload_mb: int = 400
    max_dataset_mb: int = 2000
    max_image_megapixels: int = 120
    training: bool = True
    local_folders: bool = False
    keep_runs: int = 0
    max_kept_mb: int = 20_000
    max_cache_mb: int = 10_000
    cache_days: int = 30
    threads: int = 0
    admin_key: str = field(default="", repr=False)

    @property
    def datasets(self) -> Path:
        return self.home / "datasets"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def uploads(self) -> Path:
        return self.cache / "uploads"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables.

    Raises
    ------
    ConfigError
        If a variable has a value that cannot be read; the message names it.
    """
    return Settings(
        home=home_folder(environ),
        max_upload_mb=_whole(environ, "UNET_MAX_UPLOAD_MB", Settings.max_upload_mb, low=1),
        max_dataset_mb=_whole(environ, "UNET_MAX_DATASET_MB", Settings.max_dataset_mb, low=1),
        max_image_megapixels=_whole(environ, "UNET_MAX_IMAGE_MEGAPIXELS", Settings.max_image_megapixels, low=1),
        training=_switch(environ, "UNET_TRAINING", Settings.training),
        local_folders=_switch(environ, "UNET_LOCAL_FOLDERS", Settings.local_folders),
        keep_runs=_whole(environ, "UNET_KEEP_RUNS", Settings.keep_runs, low=0),
        max_kept_mb=_whole(environ, "UNET_MAX_KEPT_MB", Settings.max_kept_mb, low=1),
        max_cache_mb=_whole(environ, "UNET_MAX_CACHE_MB", Settings.max_cache_mb, low=1),
        cache_days=_whole(environ, "UNET_CACHE_DAYS", Settings.cache_days, low=1),
        threads=_whole(environ, "UNET_THREADS", Settings.threads, low=0),
        admin_key=_key(environ, "UNET_ADMIN_KEY"),
    )


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return ``UNET_HOME``; by default ``workspace/`` in a checkout, ``~/unet-studio`` for an installed package."""
    default = "~/unet-studio" if PROJECT == INSTALLED else PROJECT / "workspace"
    return Path(environ.get("UNET_HOME") or default).expanduser().resolve()


def _whole(environ: Mapping[str, str], name: str, default: int, low: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if value < low:
        raise ConfigError(f"{name} is “{text}”; it must be a whole number of at least {low}.")
    return value


def _key(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name, "").strip()
    if 0 < len(text) < SHORTEST_KEY:
        raise ConfigError(f"{name} is too short to be a secret; it must have at least {SHORTEST_KEY} characters.")
    return text


def _switch(environ: Mapping[str, str], name: str, default: bool) -> bool:
    text = environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"on", "true", "yes", "1"}:
        return True
    if text in {"off", "false", "no", "0"}:
        return False
    raise ConfigError(f"{name} is “{text}”; write on or off.")
