"""A bar for people, a line for each tenth for logs."""

import io

from app.cli.console import Console
from app.cli.progress import Progress, clock_text, line
from engine.clock import FakeClock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_for_each_tenth_where_nobody_watches() -> None:
    err, clock = io.StringIO(), FakeClock()
    progress = Progress(Console(io.StringIO(), err), clock)
    for done in range(1, 1001):
        clock.sleep_s(0.04)
        progress.update(done, 1000)
    lines = err.getvalue().splitlines()
    assert [text.split("%")[0].split()[-1] for text in lines] == [str(share) for share in range(10, 101, 10)]
    assert "\r" not in err.getvalue()


def test_a_short_clip_skips_tenths() -> None:
    err = io.StringIO()
    progress = Progress(Console(io.StringIO(), err), FakeClock())
    for done in range(1, 4):
        progress.update(done, 3)
    assert len(err.getvalue().splitlines()) == 3


def test_a_bar_that_is_redrawn_ten_times_a_second_and_at_the_end() -> None:
    err, clock = Terminal(), FakeClock()
    console = Console(io.StringIO(), err)
    progress = Progress(console, clock)
    for done in range(1, 101):
        clock.sleep_s(0.01)
        progress.update(done, 100)
    assert 10 <= err.getvalue().count("\r") <= 12
    assert "100 %" in err.getvalue()
    console.result("done")
    assert err.getvalue().endswith("\n"), "the report begins on a line of its own"


def test_the_line_says_share_rate_and_time_left() -> None:
    text = line(30, 120, 2.0)
    assert "25 %" in text
    assert "30/120" in text
    assert "15.0 fps" in text
    assert "0:06 left" in text
    assert "left" not in line(120, 120, 2.0)
    assert line(7, None, 2.0) == "7 frames  3.5 fps"
    assert line(1, None, 0.0) == "1 frame", "no rate before it is known"
    assert "fps" not in line(1, 10, 0.0)


def test_minutes_and_seconds() -> None:
    assert [clock_text(seconds) for seconds in (0, 59.6, 61, 3600)] == ["0:00", "1:00", "1:01", "60:00"]
