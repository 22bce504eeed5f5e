"""A small part of ``benchmarks/attack.py``, always the same: nothing comes of it but results and declared errors."""

import pytest

from benchmarks.attack import run_attack


@pytest.mark.parametrize(
    "name", ["images", "archives", "names", "models", "kills", "disks", "clocks", "runs", "proxies"]
)
def test_nothing_breaks(name, tmp_path, monkeypatch):
    monkeypatch.setenv("UNET_HOME", str(tmp_path))  # which some attacks set for good, in a process of their own
    attack = run_attack(name, seed=1, seconds=4, home=tmp_path)
    assert attack.outcomes.total() > 0
    assert attack.broken == []
