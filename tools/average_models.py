"""Make a model whose weights are the mean of others' that were trained from one another.

    python -m tools.average_models OUTPUT FOLDER FOLDER ...

Weights that began as one and learned from different pictures lie in one valley of the loss, and their mean is often
better on pictures that neither has seen than any of them (Wortsman et al., "Model soups", ICML 2022). All else in the
new Model folder, its settings included, is the first one's; its provenance names all of them.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from unet.models.folder import load_model, save_model
from unet.models.learned import ENTRY, learned_images, packed
from unet.models.metadata import read_info


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, metavar="OUTPUT")
    parser.add_argument("models", type=Path, nargs="+", metavar="FOLDER")
    flags = parser.parse_args()
    infos = [read_info(folder) for folder in flags.models]
    if any(info.config != infos[0].config for info in infos):
        parser.error("the models differ in their architecture")
    networks = [load_model(folder) for folder in flags.models]
    every = zip(*(network.get_weights() for network in networks), strict=True)
    networks[0].set_weights([np.mean(weights, axis=0) for weights in every])
    runs = [str(info.provenance.get("run", info.name)) for info in infos]
    learned = frozenset[str]().union(*map(learned_images, infos))
    provenance = {**infos[0].provenance, "mean_of": runs, ENTRY: packed(learned)}
    save_model(flags.output, networks[0], dataclasses.replace(infos[0], provenance=provenance))
    print(f"{flags.output}: the mean of {', '.join(runs)}")


if __name__ == "__main__":
    main()
