"""Archives that unpack to more than there is room for."""

import gzip
import shutil
import zipfile
from functools import partial
from pathlib import Path

import pytest

from boundaries.importing import archives
from boundaries.importing.opening import open_source
from boundaries.importing.report import ImportFileError

SIZE = 6_000_000


def _bomb(folder: Path, ending: str) -> Path:
    path = folder / f"bomb.csv{ending}"
    content = b"name,lon,lat\n" + b"x" * SIZE
    if ending == ".gz":
        path.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.csv", content)
    assert path.stat().st_size < 20_000
    return path


@pytest.mark.parametrize("ending", [".gz", ".zip"])
def test_what_unpacks_beyond_the_limit_is_stopped_on_its_way(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "UNPACKED_LIMIT", 2_000_000)
    path, work = _bomb(tmp_path, ending), tmp_path / "work"
    work.mkdir()
    with pytest.raises(ImportFileError, match="more than there is room for"), open_source(path):
        pass
    unpack = archives.gunzip if ending == ".gz" else partial(archives.unzip, layer=None)
    with pytest.raises(ImportFileError, match="more than there is room for"):
        unpack(path, work)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("ending", [".gz", ".zip"])
def test_half_of_the_free_disk_is_the_limit_too(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: real._replace(free=SIZE))
    with pytest.raises(ImportFileError, match="half of the free disk"), open_source(_bomb(tmp_path, ending)):
        pass
