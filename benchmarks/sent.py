"""Attacks for ``attack.py`` by what strangers can send: images, archives, names and models."""

from __future__ import annotations

import json
import os
import resource
import time
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.hostile import (
    bombs,
    endless_groups,
    good_archive,
    good_images,
    large_beside_large,
    many_folders,
    notes_that_name,
    one_name_everywhere,
    strange_value,
)
from unet.datasets.add import add_zip
from unet.datasets.inspection import inspect_dataset
from unet.io.images import read_image, read_mask
from unet.io.pixel_size import read_pixel_size
from unet.models.metadata import INFO_FILE
from unet.models.registry import store_model_zip
from unet.models.weights import WEIGHTS_FILE
from unet.settings import MB, SHIPPED_MODELS, Settings

if TYPE_CHECKING:
    from benchmarks.attack import Attack

MOST_MEMORY = 1536 * MB  # of the program itself or one that it starts
OTHERS = Path("/etc/hostname")
MARKUP = (
    *("[a](//b.c)", "![x](//b.c/d.png)", "http://b.c", "www.b.c", "<img src=//b.c>", "`", "*", "_", "~", ":red[", "]"),
    *("$", "\\", "\n", "# ", "- ", "1. ", "&lt;", "a@b.c", "|", "é", " "),
)
RARE = ("CMYK", "jpeg2000")


def images(attack: Attack) -> None:
    """Read changed images, and those made to hurt."""
    good, path = good_images(), attack.home / "image"
    # Decoded in a process of their own, and so a hundred times as slow.
    rare = [name for name in good if name.endswith(RARE)]
    common = [name for name in good if not name.endswith(RARE)]
    os.mkfifo(pipe := attack.home / "pipe")  # which nobody will ever write to
    made = {
        **bombs(),
        "TIFF that names a pipe": notes_that_name(pipe),
        "TIFF that names a file": notes_that_name(OTHERS),
    }
    queue = [*((name, data) for name, data in good.items() if name in common), *made.items()]
    while attack.goes_on:
        if queue:
            name, data = queue.pop()
        else:
            name = attack.chance.choice(rare if attack.chance.random() < 0.02 else common)
            data = attack.changed(good[name])
        path.write_bytes(data)
        kind = name.split()[0]
        attack.try_out(kind, partial(read_image, path, max_megapixels=100), path)
        attack.try_out(f"{kind} as mask", partial(read_mask, path, max_megapixels=100), path)
        attack.try_out("pixel size", partial(read_pixel_size, path), path)


def archives(attack: Attack) -> None:
    """Add changed archives and inspect what is kept of them."""
    settings, path = Settings(home=attack.home / "workspace", max_dataset_mb=50), attack.home / "a.zip"
    good = good_archive(path).read_bytes()
    while attack.goes_on:
        path.write_bytes(attack.changed(good))
        dataset = attack.try_out("archive", partial(add_zip, path, settings), path)
        if dataset:
            attack.try_out("inspection", partial(inspect_dataset, dataset, settings), path)


def crafted(attack: Attack) -> None:
    """Add small archives that grow without end, once each, until the room for all datasets is used up."""
    settings = Settings(home=attack.home / "workspace", max_dataset_mb=50, max_kept_mb=60)
    for make in (many_folders, endless_groups, one_name_everywhere, large_beside_large):
        path = make(attack.home / f"{make.__name__}.zip")
        dataset = attack.try_out(make.__name__, partial(add_zip, path, settings), path)
        if dataset:
            attack.try_out(f"{make.__name__}: inspection", partial(inspect_dataset, dataset, settings), path)
    noise = attack.home / "noise.zip"
    for _ in range(8):
        with zipfile.ZipFile(noise, "w") as archive:
            archive.writestr("a.png", attack.chance.randbytes(12 * MB))
        attack.try_out("one dataset after another", partial(add_zip, noise, settings))
    kept = sum(file.stat().st_size for file in settings.datasets.rglob("*") if file.is_file())
    attack.count("all datasets together", kept <= settings.max_kept_mb * MB, f"{kept:,} bytes")
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024
    attack.count("memory of each process", peak <= MOST_MEMORY, f"{peak:,} bytes")


def names(attack: Attack) -> None:
    """Write names of files as Markdown, as the pages do, and see that nothing but text comes of it."""
    from markdown_it import MarkdownIt

    from studio.common.text import plain

    reader = MarkdownIt("js-default", {"html": True})
    while attack.goes_on or not attack.outcomes:
        name = "a" + "".join(attack.chance.choice(MARKUP) for _ in range(attack.chance.randrange(1, 12)))
        (block,) = [token for token in reader.parse(f"**{plain(name)}**") if token.type == "inline"] or [None]
        kinds = {token.type for token in block.children or ()} if block else {"html"}
        attack.count("a name stays text", kinds <= {"text", "text_special", "strong_open", "strong_close"}, repr(name))


def models(attack: Attack) -> None:
    """Store changed Model folders."""
    settings, path = Settings(home=attack.home / "workspace"), attack.home / "model.zip"
    source = SHIPPED_MODELS / "tutorial"
    info, weights = json.loads((source / INFO_FILE).read_text()), (source / WEIGHTS_FILE).read_bytes()
    while attack.goes_on:
        told, values = json.loads(json.dumps(info)), weights
        what = attack.chance.choice(("description", "weights", "archive"))
        if what == "description":
            table = told
            while attack.chance.random() < 0.6 and (
                inner := [each for each in table.values() if each and isinstance(each, dict)]
            ):
                table = attack.chance.choice(inner)
            table[attack.chance.choice([*table, "x" * attack.chance.choice((1, 50_000))])] = strange_value(
                attack.chance
            )
        elif what == "weights":
            values = attack.changed(weights[:4096]) + weights[4096:]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(INFO_FILE, json.dumps(told))
            archive.writestr(WEIGHTS_FILE, values)
        if what == "archive":
            data = path.read_bytes()
            path.write_bytes(attack.changed(data[:300]) + data[300:-300] + attack.changed(data[-300:]))
        stored = attack.try_out(what, partial(store_model_zip, path, settings, name=str(time.monotonic_ns())), path)
        if isinstance(stored, Path):
            for each in stored.iterdir():
                each.unlink()
            stored.rmdir()
