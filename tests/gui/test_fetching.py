"""Fetching a model from the window: nothing before a yes, progress, a way to stop, and what follows."""

import threading
import time
from dataclasses import replace

import pytest
from PySide6.QtTest import QTest

from app.window.panels.banner import Tone
from app.window.wishes import Mode
from engine.errors import FetchError, WeightsError
from engine.settings import Model
from engine.status import SessionState
from tests.gui.conftest import PATIENCE_S, Theatre
from tests.gui.fakes import FakeFetchState, FakePart


def wait_for(theatre: Theatre, is_done) -> None:
    limit_s = time.monotonic() + PATIENCE_S
    theatre.settle()
    while not is_done():
        assert time.monotonic() < limit_s, "it never came"
        QTest.qWait(5)
        theatre.settle()


def fetch(theatre: Theatre, name: str = "sd15") -> None:
    theatre.director.fetches.fetch(theatre.director.fetches.named(name))


def is_over(theatre: Theatre):
    return lambda: not theatre.window.fetch_card.isVisible()


def test_size_and_licences_are_shown_before_anything_is_fetched(theatre: Theatre) -> None:
    theatre.answer = False
    fetch(theatre)
    (question,) = theatre.questions
    words = " ".join(f"{fact.name} {fact.value} {fact.url}" for fact in question.facts)
    assert "Stable Diffusion 1.5 4.3 GB, licence CreativeML OpenRAIL-M https://example.org" in words
    assert "TAESD 10 MB, licence MIT" in words
    assert "Together 4.4 GB" in words
    assert question.yes == "Fetch 4.4 GB"
    theatre.settle()
    assert theatre.engine.fetched == []
    assert not theatre.window.fetch_card.isVisible()


def test_what_is_here_already_is_not_counted(theatre: Theatre) -> None:
    sd15 = theatre.engine.models[0]
    here = replace(sd15, parts=(replace(sd15.parts[0], is_here=True), *sd15.parts[1:]))
    theatre.director.fetches.fetch(here)
    assert theatre.questions[0].yes == "Fetch 0.1 GB"
    assert "Stable Diffusion 1.5" not in {fact.name for fact in theatre.questions[0].facts}
    wait_for(theatre, is_over(theatre))


def test_a_licence_that_was_not_seen_is_not_vouched_for(theatre: Theatre) -> None:
    theatre.answer = False
    fetch(theatre, "sd-turbo")
    assert "please read it there" in theatre.questions[0].facts[0].value
    assert isinstance(theatre.engine.models[1].parts[0], FakePart)


def test_progress_is_shown_and_the_window_stays_usable(theatre: Theatre) -> None:
    theatre.engine.fetch_gate = threading.Event()
    theatre.engine.fetch_states = (FakeFetchState(1_100_000_000, 4_400_000_000, "unet/weights"),)
    fetch(theatre)
    card = theatre.window.fetch_card
    wait_for(theatre, lambda: "unet/weights" in card.detail.whole_text)
    assert card.isVisible()
    assert card.detail.whole_text.startswith("1.10 of 4.40 GB")
    assert card.bar.value() == card.bar.maximum() // 4
    QTest.keySequence(theatre.window, "C")  # another command, while it is being fetched
    theatre.settle()
    assert theatre.session.names()[-1] == "calibrate"
    fetch(theatre, "rain")  # one at a time
    assert len(theatre.questions) == 1
    assert "is being fetched" in theatre.window.banner.message.text()
    theatre.engine.fetch_gate.set()
    wait_for(theatre, is_over(theatre))
    assert theatre.engine.fetched == ["sd15"]
    assert theatre.window.banner.news.tone is Tone.GOOD
    wait_for(theatre, lambda: theatre.director.fetches.named("sd15").is_here)  # looked at once it ended


def test_a_size_that_is_not_known_yet_moves_the_bar_without_an_end(theatre: Theatre) -> None:
    theatre.engine.fetch_gate = threading.Event()
    theatre.engine.fetch_states = (FakeFetchState(20_000_000, 0, "model_index.json"),)
    fetch(theatre)
    wait_for(theatre, lambda: "0.02 GB" in theatre.window.fetch_card.detail.whole_text)
    assert theatre.window.fetch_card.bar.maximum() == 0
    theatre.engine.fetch_gate.set()
    wait_for(theatre, is_over(theatre))


def test_cancel_stops_it_and_offers_to_go_on(theatre: Theatre) -> None:
    theatre.engine.fetch_gate = threading.Event()
    fetch(theatre)
    theatre.window.fetch_card.cancel.click()
    wait_for(theatre, is_over(theatre))
    news = theatre.window.banner.news
    assert news.tone is Tone.INFO
    assert "goes on from there" in news.hint
    assert theatre.engine.fetched == []
    theatre.engine.fetch_gate.set()
    news.offers[0].run()
    wait_for(theatre, lambda: theatre.engine.fetched == ["sd15"])


def test_a_fetch_that_fails_says_why_and_can_be_tried_again(theatre: Theatre) -> None:
    theatre.engine.fetch_error = FetchError("There is no network.", hint="Connect, then try again.")
    fetch(theatre)
    wait_for(theatre, is_over(theatre))
    assert theatre.window.banner.message.text() == "There is no network."
    theatre.engine.fetch_error = None
    theatre.window.banner.offers[0].click()
    wait_for(theatre, lambda: theatre.engine.fetched == ["sd15"])


def test_closing_the_window_stops_a_fetch(theatre: Theatre) -> None:
    theatre.engine.fetch_gate = threading.Event()
    fetch(theatre)
    theatre.settle()
    theatre.window.close()
    assert "window-fetch" not in {thread.name for thread in threading.enumerate()}
    assert theatre.engine.fetched == []


@pytest.mark.parametrize("mode", list(Mode))
def test_what_waited_for_the_model_begins_once_it_is_here(theatre: Theatre, mode: Mode) -> None:
    theatre.director.modes.choose(mode)
    theatre.director.engine.choose_model(Model.RAIN)
    theatre.settle()
    waiting = theatre.session
    error = WeightsError("It is not here.", hint="Fetch it.")
    waiting.now = replace(waiting.now, state=SessionState.ERROR, error=error)
    theatre.settle()
    theatre.window.banner.offers[0].click()
    wait_for(theatre, lambda: theatre.session is not waiting)
    assert theatre.engine.fetched == (["rain"] if mode is Mode.AVATAR else ["sd15"])
    assert theatre.session.names() == ["start"]


def test_a_show_that_runs_is_not_disturbed_by_a_model_that_arrives(theatre: Theatre) -> None:
    theatre.live()
    running = theatre.session
    fetch(theatre)
    wait_for(theatre, lambda: theatre.engine.fetched == ["sd15"])
    wait_for(theatre, is_over(theatre))
    wait_for(theatre, lambda: theatre.director.fetches.named("sd15").is_here)
    assert theatre.session is running
    assert "stop" not in running.names()
