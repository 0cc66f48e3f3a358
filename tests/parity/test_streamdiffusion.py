"""The core of the golden tensors, what separates right from published, and that the comparison can fail."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.denoise.settings import Residual
from tests.parity.goldens import NoGoldensError
from tests.parity.streamdiffusion.__main__ import main
from tests.parity.streamdiffusion.compare import run
from tests.parity.streamdiffusion.goldens import Case, Networks, compare, load_cases
from tests.parity.streamdiffusion.streams import right_tensors, stream_tensors

CORE = Path(__file__).parent / "streamdiffusion" / "core"
NUM_CHECKS = 127


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks(CORE)


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {case.name: case for case in load_cases(CORE)}


def test_every_golden_tensor_is_within_its_tolerance() -> None:
    checks = list(run(CORE))
    assert [check for check in checks if not check.passed] == []
    assert len(checks) == NUM_CHECKS


@pytest.mark.parametrize("name", ["addnoise_T2_self_off", "onestep_self_20"])
def test_the_published_recursion_differs_where_it_is_wrong(
    name: str, cases: dict[str, Case], networks: Networks
) -> None:
    """By default the residual is right; ``Residual.PUBLISHED`` gives what the original gives."""
    case = cases[name]
    suffix = "right" if "right" in "".join(case.entries) else "reset"
    by_kind = {kind: stream_tensors(case, networks, kind) for kind in Residual}
    published, exact = by_kind[Residual.PUBLISHED], right_tensors(case, by_kind[Residual.EXACT])
    assert compare(case, "x0_reference", published["x0"]).passed
    assert compare(case, f"x0_{suffix}", exact[f"x0_{suffix}"]).passed
    wrong = right_tensors(case, published)[f"x0_{suffix}"]
    assert compare(case, f"x0_{suffix}", wrong).error > 0.03


def test_the_published_recursion_is_right_elsewhere(cases: dict[str, Case], networks: Networks) -> None:
    for name in ("img2img_T4_self", "img2img_T2_initialize"):
        tensors = stream_tensors(cases[name], networks, Residual.PUBLISHED)
        for tensor in ("x0", "stock_noise", "buffer"):
            assert compare(cases[name], tensor, tensors[tensor]).passed


def test_another_guidance_scale_fails_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(CORE, tmp_path / "core")
    document = json.loads((CORE / "cases.json").read_text())
    document["cases"] = [case for case in document["cases"] if case["id"] == "img2img_T2_full"]
    document["cases"][0]["params"]["guidance_scale"] += 0.05
    (tmp_path / "core" / "cases.json").write_text(json.dumps(document))
    assert main([str(tmp_path / "core")]) == 1
    missed = json.loads(capsys.readouterr().out.splitlines()[-1])["missed"]
    assert "img2img_T2_full: x0" in missed
    assert "img2img_T2_full: clean_latents" not in missed


def test_a_changed_tensor_and_a_missing_one_fail(cases: dict[str, Case]) -> None:
    case = cases["img2img_T1_none"]
    golden = load_file(CORE / "cases" / "img2img_T1_none.safetensors")["x0"]
    assert compare(case, "x0", golden).passed
    assert not compare(case, "x0", golden + 1e-3 * torch.ones_like(golden)).passed
    assert compare(case, "x0", None).error == float("inf")
    assert compare(case, "x0", golden[:1]).error == float("inf")


def test_a_folder_without_goldens_is_an_error(tmp_path: Path) -> None:
    save_file({}, tmp_path / "empty.safetensors")
    with pytest.raises(NoGoldensError, match="json"):
        list(run(tmp_path))


def made_up(name: str, golden: Tensor, **params: object) -> Case:
    """A case of one tensor: 6 calls of 5 steps, so that calls 4 and 5 count."""
    entry = {"role": "expected", "per_call_axis": 0, "tolerance": {"metric": "relative_l2", "max": 1e-6}}
    return Case(
        name="made up",
        params={
            "num_calls": 6,
            "first_valid_call": 4,
            "t_index_list": [0, 1, 2, 3, 4],
            "frame_buffer_size": 2,
            **params,
        },
        entries={name: entry},
        tensors={name: golden},
    )


@pytest.mark.parametrize("name", ["image_out_last4", "image_out_last3", "x0"])
def test_calls_of_the_empty_start_do_not_count(name: str) -> None:
    """Of the last four of six calls, two may still show what the zeros at the start became."""
    golden = torch.rand({"image_out_last4": 4, "image_out_last3": 3, "x0": 6}[name], 2, 3)
    case = made_up(name, golden)
    assert case.num_last == ({int(name[-1])} if "last" in name else set())
    for call in range(len(golden)):
        other = golden.clone()
        other[call] += 1.0
        assert compare(case, name, other).passed == (call < len(golden) - 2)


def test_only_the_last_positions_residual_is_never_read() -> None:
    golden = torch.rand(6, 10, 4, 1, 1)
    case = made_up("stock_noise", golden)
    for place in range(10):
        other = golden.clone()
        other[:, place] += 1.0
        assert compare(case, "stock_noise", other).passed == (place >= 8)
    one_step = made_up("stock_noise", golden[:, :2], t_index_list=[3], first_valid_call=0)
    assert not compare(one_step, "stock_noise", golden[:, :2] + 1.0).passed


def test_a_scale_below_one_is_none_as_in_the_original(cases: dict[str, Case], networks: Networks) -> None:
    case = cases["img2img_T4_self"]
    x0 = [
        stream_tensors(
            replace(case, params={**case.params, "guidance_scale": scale, "num_calls": 5}),
            networks,
            Residual.EXACT,
        )["x0"]
        for scale in (0.5, 1.0, 1.4)
    ]
    assert torch.equal(x0[0], x0[1])
    assert not torch.allclose(x0[0], x0[2])
