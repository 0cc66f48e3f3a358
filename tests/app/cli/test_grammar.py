"""A mistake in what was typed is a sentence, a guess at what was meant, and where to read on."""

import pytest

from app.main import main


@pytest.mark.parametrize(
    ("typed", "sentences"),
    [
        (
            "animate --soruce x",
            ("has no option --soruce. Did you mean --source?", "`understudy animate --help`"),
        ),
        ("animate --soruce=x", ("has no option --soruce. Did you mean --source?",)),
        ("animat", ("has no command 'animat'. Did you mean animate?", "`understudy --help`")),
        ("models fech rain", ("has no command 'fech'. Did you mean fetch?", "`understudy models --help`")),
        ("--loud", ("`understudy` has no option --loud.",)),
        ("animate clip.mp4", ("`understudy animate` takes no 'clip.mp4'.",)),
        ("animate --size 300", ("--size cannot be '300': choose 256 or 384 or 512.",)),
        ("live --model rian", ("Did you mean rain?", "`understudy live --help`")),
        ("stylise", ("`understudy stylise` needs --prompt.",)),
        ("animate --seed x", ("--seed: invalid int value: 'x'.",)),
        ("models fetch rain --yse", ("Did you mean --yes?", "`understudy models fetch --help`")),
    ],
)
def test_a_mistake_is_a_sentence_and_a_guess(
    capsys: pytest.CaptureFixture[str], typed: str, sentences: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(typed.split())
    err = capsys.readouterr().err
    assert stop.value.code == 2
    for sentence in sentences:
        assert sentence in err
    assert "usage:" not in err
    assert len(err.splitlines()) == 2
