from collections.abc import Mapping

import pytest

from tests import check
from tests.check import Outcome, Step, main, run, steps, summary


def test_every_step_runs_whatever_failed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def fake(step: Step, _environment: Mapping[str, str]) -> Outcome:
        ran.append(step.name)
        return Outcome(step.name, 1 if step.name == "lint" else 0, 0.0)

    monkeypatch.setattr(check, "run", fake)
    assert main([]) == 1
    assert ran == ["format", "lint", "types", "imports", "tests"]
    assert main(["--only", "format", "--only", "types"]) == 0
    assert ran[5:] == ["format", "types"]


def test_a_step_reports_its_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    outcome = run(Step("probe", ("-c", "import sys; print('seen'); sys.exit(3)")), {})
    assert outcome.exit_code == 3
    assert "seen" in capfd.readouterr().out


def test_the_summary_names_what_failed() -> None:
    text = summary([Outcome("lint", 0, 1.0), Outcome("tests", 2, 3.0)])
    assert text.splitlines()[-1].strip() == "FAILED: tests"
    assert summary([Outcome("lint", 0, 1.0)]).endswith("all checks passed")


def test_the_quick_run_leaves_out_whole_programs_only() -> None:
    quick, whole = ({s.name: s.arguments for s in steps(fast=fast)} for fast in (True, False))
    assert quick["tests"][: len(whole["tests"])] == whole["tests"]
    assert "not gpu and not slow and not vm" in whole["tests"]
    assert {name: a for name, a in quick.items() if name != "tests"} == {
        name: a for name, a in whole.items() if name != "tests"
    }


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
