from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from models.runtimes.choose import (
    MAX_THREADS,
    ChoiceReason,
    Machine,
    MemoryNeed,
    choose_runtime,
    compiled_need,
    num_usable_cores,
    probe_machine,
)
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeUnavailableError

MODERN = Machine(openvino_precisions=frozenset({Precision.F32, Precision.BF16}), num_cores=4)
OLD = Machine(openvino_precisions=frozenset({Precision.F32}), num_cores=2)
BARE = Machine(openvino_precisions=None, num_cores=2)


@pytest.mark.parametrize(
    ("machine", "kind", "precision", "reason"),
    [
        (MODERN, RuntimeKind.OPENVINO, Precision.BF16, ChoiceReason.BF16_CPU),
        (OLD, RuntimeKind.OPENVINO, Precision.F32, ChoiceReason.F32_CPU),
        (BARE, RuntimeKind.TORCH, Precision.F32, ChoiceReason.NO_OPENVINO),
    ],
)
def test_what_is_left_open_follows_the_machine(
    machine: Machine, kind: RuntimeKind, precision: Precision, reason: ChoiceReason
) -> None:
    choice = choose_runtime(machine)
    assert (choice.settings.kind, choice.settings.precision, choice.reason) == (kind, precision, reason)
    assert choice.settings.num_threads == machine.num_cores
    assert kind.value in choice.text
    assert reason.value in choice.text


def test_what_is_asked_for_is_given() -> None:
    folder = Path("graphs")
    choice = choose_runtime(
        MODERN, kind=RuntimeKind.TORCH, precision=Precision.BF16, num_threads=3, cache_folder=folder
    )
    assert choice.reason is ChoiceReason.REQUESTED
    assert choice.settings.kind is RuntimeKind.TORCH
    assert choice.settings.precision is Precision.BF16
    assert choice.settings.num_threads == 3
    assert choice.settings.cache_folder == folder


def test_a_precision_asked_for_is_kept_when_the_kind_is_open() -> None:
    choice = choose_runtime(MODERN, precision=Precision.F32)
    assert choice.settings.precision is Precision.F32
    assert "bf16" not in choice.text


def test_what_cannot_be_had_is_refused_with_a_way_out() -> None:
    with pytest.raises(RuntimeUnavailableError, match="OpenVINO") as caught:
        choose_runtime(BARE, kind=RuntimeKind.OPENVINO)
    assert "torch" in caught.value.hint
    with pytest.raises(RuntimeUnavailableError, match="bf16"):
        choose_runtime(OLD, precision=Precision.BF16)


SMALL = replace(MODERN, free_bytes=1_000)


@pytest.mark.parametrize(
    ("machine", "need", "kind"),
    [
        (SMALL, None, RuntimeKind.OPENVINO),
        (SMALL, MemoryNeed(num_weights=500), RuntimeKind.OPENVINO),
        (SMALL, MemoryNeed(num_weights=501), RuntimeKind.TORCH),
        (SMALL, MemoryNeed(num_weights=400, beside_bytes=201), RuntimeKind.TORCH),
        (replace(OLD, free_bytes=1_000), MemoryNeed(num_weights=251), RuntimeKind.TORCH),  # f32: 4 bytes each
        (MODERN, MemoryNeed(num_weights=10**12), RuntimeKind.OPENVINO),  # what is free cannot be known
    ],
)
def test_networks_are_compiled_where_they_fit_a_second_time(
    machine: Machine, need: MemoryNeed | None, kind: RuntimeKind
) -> None:
    choice = choose_runtime(machine, need=need)
    assert choice.settings.kind is kind
    assert (choice.reason is ChoiceReason.NO_ROOM) == (kind is RuntimeKind.TORCH)
    if kind is RuntimeKind.TORCH:
        assert choice.settings.precision is Precision.F32
        assert "free memory" in choice.text


def test_openvino_asked_for_without_room_is_refused_with_figures() -> None:
    need = MemoryNeed(num_weights=1_700_000_000)
    machine = replace(MODERN, free_bytes=2_000_000_000)
    with pytest.raises(RuntimeUnavailableError, match=r"need 3\.4 GB .* 2\.0 GB are free") as caught:
        choose_runtime(machine, kind=RuntimeKind.OPENVINO, need=need)
    assert "torch" in caught.value.hint
    assert choose_runtime(machine, kind=RuntimeKind.TORCH, need=need).reason is ChoiceReason.REQUESTED


def test_a_session_needs_its_network_compiled_twice_while_it_changes() -> None:
    need = compiled_need(nn.Linear(10, 10, bias=False), beside_bytes=7)
    assert need == MemoryNeed(num_weights=200, beside_bytes=7)
    assert need.num_bytes(Precision.BF16) == 407


def test_threads_are_capped() -> None:
    many = Machine(openvino_precisions=None, num_cores=64)
    assert choose_runtime(many).settings.num_threads == MAX_THREADS


def test_this_machine_can_be_probed() -> None:
    machine = probe_machine()
    assert machine.num_cores == num_usable_cores() >= 1
    assert machine.openvino_precisions is not None
    assert Precision.F32 in machine.openvino_precisions
