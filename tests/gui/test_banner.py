"""What the banner shows: the gravest, and of equals the newest; good news passes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.window.panels.banner import Banner, News, Offer, Tone
from engine.errors import CameraBusyError, VirtualCameraMissingError
from engine.status import SessionState
from tests.gui.conftest import Theatre

ERROR = News(Tone.ERROR, "There is no virtual camera.", "Install one.")
OTHER_ERROR = News(Tone.ERROR, "The disk is full.")
WARNING = News(Tone.WARNING, "The settings file was damaged.")
INFO = News(Tone.INFO, "No camera was found.")
GOOD = News(Tone.GOOD, "Kept a picture.")


@pytest.fixture
def banner() -> Iterator[Banner]:
    banner = Banner()
    yield banner
    banner.hide()
    banner.deleteLater()


def shown(banner: Banner, *news: News) -> News | None:
    for each in news:
        banner.show_news(each)
    return banner.news


def test_good_news_passes_and_the_error_is_back(banner: Banner) -> None:
    assert shown(banner, ERROR, GOOD) == GOOD
    banner._timer.timeout.emit()
    assert banner.news == ERROR
    assert not banner._timer.isActive(), "an error stays"


def test_good_news_that_is_closed_leaves_the_error(banner: Banner) -> None:
    shown(banner, ERROR, GOOD)
    banner.close_button.click()
    assert banner.news == ERROR
    banner.close_button.click()
    assert banner.news is None
    assert banner.isHidden()


@pytest.mark.parametrize(("grave", "lesser"), [(ERROR, WARNING), (ERROR, INFO), (WARNING, INFO)])
def test_lesser_news_waits_until_the_graver_is_closed(banner: Banner, grave: News, lesser: News) -> None:
    assert shown(banner, grave, lesser) == grave
    banner.close_button.click()
    assert banner.news == lesser


def test_graver_news_comes_first_and_nothing_is_lost(banner: Banner) -> None:
    assert shown(banner, INFO, WARNING) == WARNING
    assert shown(banner, ERROR) == ERROR
    assert shown(banner, OTHER_ERROR) == OTHER_ERROR
    closed = []
    while banner.news is not None:
        closed.append(banner.news)
        banner.close_news()
    assert closed == [OTHER_ERROR, ERROR, WARNING, INFO]


def test_the_same_news_again_is_one_piece_of_news(banner: Banner) -> None:
    shown(banner, ERROR, OTHER_ERROR, ERROR)
    banner.close_news()
    banner.close_news()
    assert banner.news is None


def test_newer_information_takes_the_place_of_older(banner: Banner) -> None:
    assert shown(banner, INFO, News(Tone.INFO, "The clip has ended.")) != INFO
    banner.close_news()
    assert banner.news is None


def test_what_waits_can_be_withdrawn(banner: Banner) -> None:
    shown(banner, ERROR, WARNING)
    banner.withdraw(WARNING)
    assert banner.news == ERROR
    banner.close_news()
    assert banner.news is None


def test_a_way_out_is_taken_from_the_news_on_show(banner: Banner) -> None:
    taken: list[str] = []
    shown(banner, replace(ERROR, offers=(Offer("Retry", lambda: taken.append("retry")),)), GOOD)
    assert banner.offers[0].isHidden(), "good news has no way out"
    banner.close_news()
    banner.offers[0].click()
    assert taken == ["retry"]
    assert banner.news is None


def keep_a_snapshot_after_an_error(theatre: Theatre, folder: Path) -> None:
    theatre.live()
    theatre.director.show.remember(output_folder=str(folder))
    error = CameraBusyError("Camera 0 is busy.", hint="Close the other program.")
    theatre.session.now = replace(theatre.session.now, state=SessionState.ERROR, error=error)
    theatre.settle()
    theatre.window.controls.snapshot.click()
    theatre.settle()


def test_a_snapshot_does_not_wipe_out_the_ways_out_of_an_error(theatre: Theatre, tmp_path: Path) -> None:
    keep_a_snapshot_after_an_error(theatre, tmp_path)
    assert theatre.window.banner.news.tone is Tone.GOOD
    theatre.window.banner._timer.timeout.emit()
    assert [button.text() for button in theatre.window.banner.offers] == ["Retry", "Play the sample clip"]


def test_an_error_that_is_over_does_not_come_back_after_good_news(theatre: Theatre, tmp_path: Path) -> None:
    keep_a_snapshot_after_an_error(theatre, tmp_path)
    theatre.session.now = replace(theatre.session.now, state=SessionState.LIVE, error=None)
    theatre.settle()
    theatre.window.banner._timer.timeout.emit()
    assert theatre.window.banner.news is None


def test_an_avatar_that_is_added_leaves_a_standing_error(theatre: Theatre, tmp_path: Path) -> None:
    theatre.session.failures["go_live"] = VirtualCameraMissingError("There is none.", hint="Install one.")
    QTest.mouseClick(theatre.window.controls.live, Qt.MouseButton.LeftButton)
    theatre.settle()
    theatre.director.avatars.add_picture(tmp_path / "cat.png")
    theatre.settle()
    assert theatre.window.banner.news.tone is Tone.GOOD
    theatre.window.banner._timer.timeout.emit()
    assert theatre.window.banner.message.text() == "There is none."
    theatre.window.banner.close_news()
    assert theatre.window.banner.news is None, "nobody is looking for points any more"


def test_damaged_settings_are_told_before_the_missing_camera(make_theatre, caplog) -> None:
    theatre = make_theatre(cameras=0)
    theatre.file.path.write_text("{")
    theatre.open()
    assert "damaged" in theatre.window.banner.message.text()
    assert "damaged" in caplog.text
    theatre.window.banner.close_button.click()
    assert "No camera" in theatre.window.banner.message.text()


def test_settings_that_made_no_sense_are_logged(make_theatre, caplog) -> None:
    theatre = make_theatre()
    theatre.file.path.write_text('{"mirror": 3}')
    theatre.open()
    assert "mirror" in theatre.window.banner.message.text()
    assert "mirror" in caplog.text
