"""Pictures that people bring along: every kind is read, and every bad one is refused in a sentence."""

import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.capture.picture import MAX_SIDE_PX, MIN_SIDE_PX, read_picture
from engine.errors import AvatarError

NOISE = np.random.default_rng(0).integers(0, 256, (200, 160, 3), dtype=np.uint8)


def written(path: Path, rgb: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return path


def claimed(path: Path, width: int, height: int) -> Path:
    """A PNG whose header claims a size that its pixels do not have."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tiff"])
def test_a_lossless_picture_is_read_as_rgb_whatever_its_shape(tmp_path: Path, suffix: str) -> None:
    if suffix == "webp":
        path = tmp_path / "picture.webp"
        assert cv2.imwrite(str(path), NOISE[..., ::-1].copy(), [cv2.IMWRITE_WEBP_QUALITY, 101])
    else:
        path = written(tmp_path / f"picture.{suffix}", NOISE)
    read = read_picture(path).rgb
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    assert read.flags.writeable
    np.testing.assert_array_equal(read, NOISE)


def test_a_jpeg_is_read_in_its_colours(tmp_path: Path) -> None:
    flat = np.full((150, 300, 3), (200, 20, 10), np.uint8)
    read = read_picture(written(tmp_path / "picture.jpg", flat)).rgb
    assert read.shape == (150, 300, 3)
    assert np.abs(read.astype(int) - flat).max() <= 4


def with_orientation(jpeg: Path, orientation: int) -> Path:
    """Put an EXIF note into a JPEG that says which way is up (1 to 8, EXIF 2.32, tag 0x0112)."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    data = jpeg.read_bytes()
    jpeg.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    return jpeg


_STORED = {  # how an upright picture is stored under each orientation (EXIF 2.32, table of tag 0x0112)
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phone_s_picture_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = np.full((150, 300, 3), 20, np.uint8)
    upright[:75, :150] = 240
    stored = _STORED[orientation](upright)
    read = read_picture(with_orientation(written(tmp_path / "phone.jpg", stored), orientation)).rgb
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).mean() <= 2
    assert read.flags.c_contiguous


def test_a_grey_picture_is_read_as_rgb(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), NOISE[..., 0])
    np.testing.assert_array_equal(read_picture(path).rgb, np.repeat(NOISE[..., :1], 3, axis=2))


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    rgba = np.zeros((160, 160, 4), np.uint8)
    rgba[..., :3] = (0, 0, 200)  # BGR: red
    rgba[40:80, :, 3] = 255
    rgba[80:120, :, 3] = 128
    path = tmp_path / "cut_out.png"
    cv2.imwrite(str(path), rgba)
    picture = read_picture(path)
    read = picture.rgb
    assert tuple(read[10, 10]) == (255, 255, 255)
    assert tuple(read[60, 10]) == (200, 0, 0)
    assert tuple(read[100, 10]) == (227, 127, 127)
    assert picture.alpha is not None
    np.testing.assert_allclose(picture.alpha[[10, 60, 100], 10], [0.0, 1.0, 128 / 255], atol=1e-6)


def test_a_picture_without_holes_was_not_cut_out(tmp_path: Path) -> None:
    rgba = np.full((160, 160, 4), 255, np.uint8)
    path = tmp_path / "dense.png"
    cv2.imwrite(str(path), rgba)
    assert read_picture(path).alpha is None


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_half_a_file_is_called_damaged(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"half.{suffix}", NOISE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AvatarError, match=rf"half\.{suffix}.*damaged"):
        read_picture(path)


@pytest.mark.parametrize("name", ["notes.txt", "notes.png", "notes.jpg", "notes"])
def test_a_text_is_no_picture_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("To be, or not to be, that is the question.\n" * 40)
    with pytest.raises(AvatarError, match="cannot be used as an avatar") as caught:
        read_picture(path)
    assert "PNG or JPEG" in caught.value.hint


def test_an_empty_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    for path in (tmp_path / "empty.png", tmp_path / "missing.png", tmp_path):
        with pytest.raises(AvatarError, match=path.name):
            read_picture(path)


def test_a_sound_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "beep.wav"
    samples = struct.pack("<8000h", *([0] * 8000))
    header = b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    path.write_bytes(header + b"data" + struct.pack("<I", len(samples)) + samples)
    with pytest.raises(AvatarError, match="holds no picture"):
        read_picture(path)


def test_a_tiny_picture_is_refused_with_its_size(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="20 x 20 pixels, too small") as caught:
        read_picture(written(tmp_path / "tiny.png", NOISE[:20, :20]))
    assert str(MIN_SIDE_PX) in caught.value.hint


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (20_000, 400), (400, MAX_SIDE_PX + 1)])
def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path, width: int, height: int) -> None:
    path = claimed(tmp_path / "huge.png", width, height)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(AvatarError, match="too large") as caught:
        read_picture(path)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    assert grown_mb < 200  # 20,000 x 20,000 pixels would be 1.2 GB
    assert str(MAX_SIDE_PX) in str(caught.value)


def test_the_smallest_allowed_picture_is_read(tmp_path: Path) -> None:
    assert read_picture(written(tmp_path / "small.png", NOISE[:MIN_SIDE_PX, :MIN_SIDE_PX])).rgb.shape == (
        MIN_SIDE_PX,
        MIN_SIDE_PX,
        3,
    )
