"""The doors of a session: who may do what when, what is written, and that all looks agree."""

from __future__ import annotations

import json
import threading

import pytest

from chaoskit.errors import InUse, InvalidInput, Refused
from chaoskit.gameday.log import read_entries
from tests.gameday.desk import GAMEDAY, Stage, desk, until


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def session(tmp_path, stage):
    with desk(tmp_path, stage).opened() as session:
        yield session


def go(session):
    session.say("Ada", "answer", item="1", value="yes")
    return session.say("Grace", "go")


def steps(session, person="Grace"):
    return [(s["state"], s["how"]) for s in session.view(person)["steps"]]


def kinds(session):
    return [entry.kind for entry in session.log.entries()]


def test_a_day_from_the_first_question_to_the_last_word(session, stage):
    with pytest.raises(Refused, match=r"1\. Is support told\?: open"):
        session.say("Grace", "go")
    go(session)
    session.say("Barbara", "prediction", text="Nothing <b>happens</b>")
    session.begin_step("Grace")
    until(lambda: session.view("Grace")["live"])
    session.say("Linus", "seen", text="Latency is up")
    session.say("Linus", "mitigated")
    session.say("Donald", "note", text="It is quiet")
    session.release("Linus")
    until(lambda: "ran" in kinds(session))
    session.end_step("Grace")
    session.skip_step("Grace", "no time")
    session.begin_step("Grace")
    session.end_step("Grace")
    session.say("Donald", "finding", text="No alert came")
    item = session.say("Donald", "action", text="Add one", owner="Linus", due="2026-12-24").item
    session.say("Grace", "closed")
    session.say("Donald", "action_closed", item=item)
    view = session.view("Barbara")
    assert view["phase"] == "closed"
    assert steps(session) == [("ended", "done"), ("skipped", "skipped"), ("ended", "done")]
    first = view["steps"][0]
    assert first["predictions"][0]["text"] == "Nothing <b>happens</b>"
    assert first["predictions"][0]["after"] is None
    assert first["seen"][0]["after"] >= 0
    assert view["actions"][0]["closed"]
    assert stage.performed == ["The cache's master is killed"]
    assert json.loads(json.dumps(view)) == view


def test_every_word_is_in_the_file_before_the_door_closes(session):
    entry = session.say("Donald", "note", text="here")
    assert read_entries(session.log.path)[-1] == entry


@pytest.mark.parametrize(
    ("person", "kind", "fields", "said"),
    [
        ("Barbara", "go", {}, "go is for facilitator and owner; Barbara is observers"),
        ("Linus", "begin", {}, "begin is for facilitator; Linus is operator"),
        ("Mallory", "note", {"text": "x"}, "'Mallory' is not named"),
        ("Grace", "begin", {}, "there is no go yet"),
        ("Grace", "end", {}, "no step is under way"),
        ("Linus", "seen", {}, "no step is under way"),
        ("Linus", "release", {}, "nothing is held"),
        ("Linus", "prediction", {"text": "x", "step": "9"}, "there is no step 9"),
    ],
)
def test_what_may_not_be_done_now_is_refused_in_a_sentence(session, person, kind, fields, said):
    before = session.log.entries()
    with pytest.raises(Refused, match=said):
        session.say(person, kind, **fields)
    assert [e for e in session.log.entries() if e.kind != "checked"] == list(before)


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("shout", {}, "unknown kind 'shout'"),
        ("note", {}, "note needs 'text'"),
        ("note", {"text": " "}, "note needs 'text'"),
        ("note", {"text": "x", "colour": "red"}, "note has no field 'colour'"),
        ("note", {"text": "x" * 5000}, "at most 4000"),
        ("answer", {"item": "1", "value": "maybe"}, "yes or no, got 'maybe'"),
        ("answer", {"item": "7", "value": "yes"}, "from 1 to 2"),
        ("answer", {"item": "2", "value": "yes"}, "checked by the tool"),
        ("action", {"text": "x", "owner": "y", "due": "soon"}, "'due' is a day"),
        ("action_closed", {"item": "A7"}, "there is no action item 'A7'"),
    ],
)
def test_what_makes_no_sense_is_said(session, kind, fields, said):
    with pytest.raises(InvalidInput, match=said):
        session.say("Grace", kind, **fields)


def test_a_check_that_says_no_keeps_from_going(session, stage):
    stage.missing = "web1 is down"
    session.say("Ada", "answer", item="1", value="yes")
    with pytest.raises(Refused, match=r"2\. not halted: no \(web1 is down\)"):
        session.say("Grace", "go")
    assert session.view("Grace")["questions"][1]["why"] == "web1 is down"
    stage.missing = ""
    assert session.say("Grace", "go").kind == "go"


def test_a_halt_is_anybodys_and_stops_the_step(session, stage):
    go(session)
    session.begin_step("Grace")
    session.halt("somebody", "a customer calls")
    until(lambda: "ran" in kinds(session))
    assert stage.why == "somebody: a customer calls"
    session.end_step("Grace")
    assert steps(session)[0] == ("ended", "halted")
    with pytest.raises(Refused, match="say go again"):
        session.begin_step("Grace")
    stage.why = ""
    session.say("Grace", "go")
    assert session.begin_step("Grace").step == "2"


def test_of_two_browsers_one_begins_the_step(session):
    go(session)
    found: list[str] = []
    together = threading.Barrier(2)

    def begin():
        together.wait()
        try:
            found.append(session.begin_step("Grace").value)
        except Refused as error:
            found.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["begun", "step 1 is under way: end it first"]


def test_waiting_ends_with_the_next_entry(session):
    newest = session.view("Grace")["newest"]
    assert session.wait(newest, 0.0) == newest
    threading.Timer(0.01, lambda: session.say("Donald", "note", text="x")).start()
    assert session.wait(newest, 10.0) == newest + 1


def test_a_blind_day_hides_a_step_until_it_ended(tmp_path, stage):
    with desk(tmp_path, stage, GAMEDAY + "blind: true\n").opened() as session:
        go(session)
        session.begin_step("Grace")
        until(lambda: session.view("Linus")["steps"][0]["busy"])
        told = json.dumps(session.view("Linus"))
        assert "killed" not in told
        assert "kill on" not in told
        assert "killed" in json.dumps(session.view("Grace"))
        session.end_step("Grace")
        assert session.view("Linus")["steps"][0]["title"] == "The cache's master is killed"
        assert session.view("Linus")["steps"][1]["hidden"]


def test_a_second_session_on_the_same_log_is_refused(tmp_path, session, stage):
    with (
        pytest.raises(InUse, match="kept by another"),
        desk(tmp_path, stage).opened(),
    ):
        pass
