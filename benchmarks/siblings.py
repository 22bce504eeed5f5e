"""How well images that belong together are found, measured against a table of groups.

    python -m benchmarks.siblings PATH --groups CSV

Pairs of images in one found group are compared with pairs in one group of the table. As a control, edges are compared
with mirrored ones, which cannot adjoin: what matches there matches by chance.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import time
from collections import Counter, defaultdict
from pathlib import Path

from unet.datasets.add import open_dataset
from unet.datasets.groups import read_groups
from unet.datasets.leakage import Signature, find_siblings, make_signature
from unet.io.images import read_image
from unet.settings import read_settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--groups", type=Path, required=True, metavar="CSV")
    flags = parser.parse_args()
    samples = open_dataset(flags.path, read_settings()).samples()
    table = read_groups(flags.groups)
    signatures = [make_signature(read_image(sample.image)) for sample in samples]
    started = time.perf_counter()
    found = find_siblings(signatures)
    seconds = time.perf_counter() - started
    truth = [table.get(sample.id, (None,))[0] or sample.id for sample in samples]
    real, ours = pairs(truth), pairs(found)
    by_chance = find_siblings([mirrored(each) if each else None for each in signatures])
    sizes = Counter(group for group in found if group is not None)
    print(f"{len(samples)} images compared in {seconds:.2f} s")
    print(f"{len(real)} pairs in the table, {len(ours)} found")
    print(f"{len(real & ours)} of the table's are found ({len(real & ours) / max(len(real), 1):.1%})")
    print(f"{len(ours - real)} found that the table does not have")
    print(f"{sum(sizes.values())} images in {len(sizes)} groups, the largest of {max(sizes.values(), default=0)}")
    print(f"control, one edge mirrored: {len(pairs(by_chance))} pairs")


def pairs(groups: list) -> set[tuple[int, int]]:
    members = defaultdict(list)
    for index, group in enumerate(groups):
        if group is not None:
            members[group].append(index)
    return {pair for each in members.values() for pair in itertools.combinations(each, 2)}


def mirrored(signature: Signature) -> Signature:
    """Mirror the left and the upper edge, and make the thumbnail tell nothing."""
    edges = signature.edges | {side: signature.edges[side][:, ::-1] for side in ("left", "top")}
    return dataclasses.replace(signature, edges=edges, thumbnail=signature.thumbnail * 0)


if __name__ == "__main__":
    main()
