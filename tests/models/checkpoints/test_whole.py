"""A file of weights is seen to be whole by its ends, and what is not is told in our own words."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from safetensors.torch import save_file

from models.checkpoints.errors import CheckpointError
from models.checkpoints.published import read_nested, read_published
from models.checkpoints.whole import check_whole, header_shapes

TENSORS = {"a.weight": torch.ones(3, 5), "b": torch.ones(7, dtype=torch.float16), "c": torch.tensor(1.0)}


def written(path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file(TENSORS, path, metadata={"format": "pt"})
    else:
        torch.save(TENSORS, path)
    return path


def old(path: Path) -> Path:
    torch.save(TENSORS, path, _use_new_zipfile_serialization=False)
    return path


def test_whole_files_pass_and_the_header_says_every_shape(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors")
    check_whole(path)
    check_whole(written(tmp_path / "a.ckpt"))
    check_whole(old(tmp_path / "old.pth"))
    assert header_shapes(path) == {name: tuple(value.shape) for name, value in TENSORS.items()}
    assert read_published(path).keys() == TENSORS.keys()


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_truncated_header_or_data_is_told_with_the_size(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "a.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with pytest.raises(CheckpointError) as caught:
        check_whole(path)
    told = f"({len(whole) - cut:,} bytes" + (f", expected {len(whole):,})" if cut < 100 else ")")
    assert str(caught.value) == f"{path} cannot be read: half a download? {told}"


@pytest.mark.parametrize("name", ["a.ckpt", "a.pth", "a.bin"])
def test_a_truncated_archive_is_told_with_the_size(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CheckpointError, match=rf"half a download\? \({path.stat().st_size:,} bytes\)"):
        check_whole(path)
    with pytest.raises(CheckpointError, match="expected 5,000,000"):
        check_whole(path, 5_000_000)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 5000, b"hello, this is a text\n" * 40, b"\x80\x02" + b"x" * 500, b"\x80\x02}q\x00."],
    ids=["nothing", "zeros", "a text", "an odd pickle", "an empty pickle"],
)
@pytest.mark.parametrize("name", ["a.ckpt", "a.pth", "a.safetensors"])
@pytest.mark.parametrize("read", [read_published, read_nested])
def test_no_words_of_a_library_reach_the_user(
    tmp_path: Path, content: bytes, name: str, read: Callable[[Path], object]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read(path)
    damaged = f"{path} cannot be read: half a download? ({len(content):,} bytes)"
    assert str(caught.value) in (damaged, f"{path} is damaged or holds more than weights")


def test_a_file_that_is_not_there_or_not_ours_to_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match="there is no file"):
        check_whole(tmp_path / "none.pth")
    paths = [written(tmp_path / name) for name in ("a.safetensors", "a.pth")]

    def barred(self: Path, _mode: str) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", barred)
    for path in paths:
        with pytest.raises(CheckpointError, match=r"cannot be read: Permission denied$"):
            check_whole(path)


def test_looking_loads_nothing_heavy(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors")
    code = (
        "import sys; from pathlib import Path; from models.checkpoints.whole import check_whole;"
        f"check_whole(Path({str(path)!r})); assert not {{'torch', 'numpy', 'safetensors'}} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
