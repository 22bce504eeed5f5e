import os
import subprocess
import sys

import pytest

from unet.errors import ConfigError
from unet.settings import PROJECT, Settings, read_settings


def test_defaults():
    settings = read_settings({})
    assert settings == Settings(home=PROJECT / "workspace")
    assert settings.datasets.parent == settings.runs.parent == settings.models.parent == settings.home


def test_every_variable_is_read(tmp_path):
    settings = read_settings(
        {
            "UNET_HOME": str(tmp_path),
            "UNET_MAX_UPLOAD_MB": "5",
            "UNET_MAX_DATASET_MB": " 6 ",
            "UNET_MAX_IMAGE_MEGAPIXELS": "7",
            "UNET_TRAINING": "off",
            "UNET_LOCAL_FOLDERS": "on",
            "UNET_KEEP_RUNS": "8",
            "UNET_MAX_KEPT_MB": "9",
            "UNET_MAX_CACHE_MB": "10",
            "UNET_CACHE_DAYS": "11",
            "UNET_ADMIN_KEY": "sixteen letters!",
        }
    )
    assert settings == Settings(
        tmp_path,
        *(5, 6, 7),
        training=False,
        local_folders=True,
        keep_runs=8,
        max_kept_mb=9,
        max_cache_mb=10,
        cache_days=11,
        admin_key="sixteen letters!",
    )
    assert "sixteen" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UNET_MAX_UPLOAD_MB", "0"),
        ("UNET_MAX_DATASET_MB", "many"),
        ("UNET_KEEP_RUNS", "-1"),
        ("UNET_TRAINING", "2"),
        ("UNET_ADMIN_KEY", "1234"),
    ],
)
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        read_settings({name: value})


def test_nothing_is_written_outside_the_home_folder(tmp_path):
    code = "import unet; unet.build_unet(unet.preset('tutorial').model)"
    user = tmp_path / "user"
    user.mkdir()
    environ = {name: value for name, value in os.environ.items() if name != "KERAS_HOME"}
    environ |= {"HOME": str(user), "UNET_HOME": str(tmp_path / "workspace")}
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environ, check=True, timeout=120)
    assert list(user.iterdir()) == []
