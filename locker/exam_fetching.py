"""
What the conformance kit holds a connector of a service to: nothing is lost and nothing comes twice, whatever the service does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from .authorisation import OAuth2
from .connector import Fetching, Item
from .drift import drifting, each_changed, fewer, more, other
from .exam import Exam, Failed, Skipped, canonical_of, coverage, keeps_the_contract, need, told
from .paging import MaxId
from .record import loads
from .rehearsal import PATIENCE, SECRETS, TOKEN, Killed, Rehearsal, shows
from .stand_in import Call, Mood, Reply, well

Shown = dict[tuple[str, str], str]


def has_samples(exam: Exam) -> str:
    """There are samples of every stream, enough for several pages."""
    connector = _connector(exam)
    if missing := exam.samples.lacks(connector):
        raise Failed(
            f"{missing[0]}; write them into a file NAME.json beside the connector: " + '{"streams": {"likes": [{...}, {...}, {...}]}}'
        )
    for stream in connector.streams:
        listed = exam.samples.streams.get(stream.name)
        if listed is not None and hasattr(stream.paging, "size"):
            need(
                len(listed.items) >= 3, f"the stream {stream.name} has {len(listed.items)} samples; give at least three, for several pages"
            )
    return f"{len(connector.streams)} streams"


def fetches_everything(exam: Exam) -> str:
    """A first run brings every sample of every stream, and map makes objects of them."""
    with _playing(exam) as play:
        report = play.run()
        need(not report.error, f"the first run ends with: {report.error}")
        for stream in report.streams:
            need(stream.outcome == "done", f"{stream.name} is {stream.outcome}: {stream.error}")
            need(not stream.problems, f"{stream.name} has entries that cannot be read: {told(stream.problems)}")
            need(stream.items or stream.name not in exam.samples.streams, f"{stream.name} brings no item")
        said = coverage(exam.connector, play.items(), exam.schemas)
        pages = sum(stream.pages for stream in report.streams)
        return f"{said}; {pages} pages, {report.requests} requests"


def appends_nothing_twice(exam: Exam) -> str:
    """A second run appends nothing, and neither does one over the whole list."""
    with _playing(exam) as play:
        play.run()
        again, whole = play.run(), play.run(whole=True)
        for report in (again, whole):
            need(not report.error, f"a second run ends with: {report.error}")
            need(
                not report.records,
                f"a second run appends {report.records} records; the same entry must have the same key and body each time",
            )
        return f"a second run appends nothing and makes {again.requests} requests, {whole.requests} over everything"


def goes_on_after_a_kill(exam: Exam) -> str:
    """Killed after each page in turn, it goes on where it was, and ends with everything."""
    (expected, requests), kills = _undisturbed(exam), 0
    with _playing(exam) as play:
        for stream in play.connector.streams:
            for _ in range(requests + 1):
                try:
                    play.run(stream.name, pages=1)
                except Killed:
                    kills += 1
                    play.reopen()
                else:
                    break
            else:
                raise Failed(f"{stream.name} begins anew each time it is killed; a page's step must lead on")
        _same(expected, play.shown(), "after kills")
    return f"killed {kills} times, nothing is lost"


def bears_repeated_pages(exam: Exam) -> str:
    """Pages that come twice, as when a list grows meanwhile, append nothing twice."""
    expected = _all(exam)
    if not exam.samples.streams:
        raise Skipped("the samples are whole replies, whose order is the author's")
    with _playing(exam) as play:
        play.stand_in.order = lambda entries: [entry for two in zip(entries, entries, strict=True) for entry in two]
        report = play.run()
        need(not report.error, f"a list that repeats its entries ends with: {report.error}")
        _same(expected, play.shown(), "from repeated pages")
        need(sum(stream.added for stream in report.streams) == len(expected), "what came twice was appended twice")
    return "what comes twice is appended once"


def bears_any_order(exam: Exam) -> str:
    """A list in another order than declared loses nothing."""
    expected = _all(exam)
    if not exam.samples.streams:
        raise Skipped("the samples are whole replies, whose order is the author's")
    if any(isinstance(stream.paging, MaxId) for stream in _connector(exam).streams):
        raise Skipped("a list that is paged by its ids must be in their order")
    with _playing(exam) as play:
        play.stand_in.order = lambda entries: entries[::-1]
        report = play.run()
        need(not report.error, f"a list in another order ends with: {report.error}")
        _same(expected, play.shown(), "from a list in another order")
    return "the order of a list does not matter"


def waits_when_told(exam: Exam) -> str:
    """429 with Retry-After: nothing is asked before, and then the rest."""
    expected = _all(exam)
    with _playing(exam) as play:
        middle = _middle(exam)
        play.stand_in.mood = _once(Reply(429, {"retry-after": "120"}, b"slow down"), middle)
        _well_in_the_end(play, expected, "after 429 with Retry-After")
        _quiet_for(play, middle, 120.0)
    return "120 seconds of quiet, then the rest"


def waits_untold(exam: Exam) -> str:
    """429 without Retry-After: it rests, and then asks for the rest."""
    expected = _all(exam)
    with _playing(exam) as play:
        play.stand_in.mood = _once(Reply(429, {}, b"slow down"), _middle(exam))
        _well_in_the_end(play, expected, "after 429 without Retry-After")
    return "it rests, then asks for the rest"


def stops_when_unauthorized(exam: Exam) -> str:
    """401 in the middle: it stops at once, says what to do, and goes on with a new token."""
    if not _connector(exam).auth:
        raise Skipped("the service asks for nothing")
    expected = _all(exam)
    with _playing(exam) as play:
        play.stand_in.mood = _from(Reply(401, {}, b"expired"), _middle(exam))
        report = play.run()
        need(report.mode == "unauthorized", f"a token that is refused leaves the connection {report.mode}: {report.error}")
        refused = len(play.stand_in.calls) - _middle(exam)
        need(refused <= 2, f"{refused} more requests were made with a token that is refused")
        play.stand_in.mood = well
        play.connect()
        _well_in_the_end(play, expected, "after a new token")
    return "it stops, and goes on with a new token"


def renews_its_token(exam: Exam) -> str:
    """A token that expires in the middle is renewed, and nothing is lost."""
    declared = next((how for how in _connector(exam).auth if isinstance(how, OAuth2)), None)
    if declared is None:
        raise Skipped("its tokens do not expire")
    expected = _all(exam)
    way = replace(declared, authorize="/stand-in/authorize", token="/stand-in/token")  # noqa: S106 - a path
    with Rehearsal(_connector(exam), exam.samples, auth=(way,)) as play:
        play.connect(method="oauth2", refresh_token="sample", client_id="sample", client_secret="sample")  # noqa: S106 - of nobody
        fresh, middle = f"{TOKEN}-fresh", _middle(exam)

        def lets_in(call: Call) -> bool:
            return call.path == "/stand-in/token" or shows(call, fresh if call.number >= middle else TOKEN)

        def mood(call: Call, reply: Reply) -> Reply:
            answer = {"access_token": fresh, "token_type": "Bearer", "expires_in": 3600, "refresh_token": "sample-refresh-2"}
            return Reply.json(answer) if call.path == "/stand-in/token" else reply

        play.stand_in.lets_in, play.stand_in.mood = lets_in, mood
        _well_in_the_end(play, expected, "after its token expired")
        need(any(call.path == "/stand-in/token" for call in play.stand_in.calls), "the token was never renewed")
    return "the token is renewed, nothing is lost"


def bears_broken_answers(exam: Exam) -> str:
    """Answers that are cut, malformed, or no answers at all lose nothing and leave nothing half written."""
    expected, middle = _all(exam), _middle(exam)

    def cut(_: Call, reply: Reply) -> Reply:
        return replace(reply, cut=len(reply.body) // 2)

    def half(_: Call, reply: Reply) -> Reply:
        return replace(reply, body=reply.body[: len(reply.body) // 2])

    def hurt(_: Call, reply: Reply) -> Reply:
        return replace(reply, status=502, body=b"<html>Bad gateway</html>")

    for broken in (cut, half, hurt):
        with _playing(exam) as play:
            play.stand_in.mood = _at(broken, middle)
            _well_in_the_end(play, expected, f"after an answer was {broken.__name__}")
    return "cut, malformed and failing answers are asked for again"


def is_patient(exam: Exam) -> str:
    """A service that answers slowly, piece by piece, is heard to the end."""
    expected = _all(exam)
    with _playing(exam) as play:
        play.stand_in.mood = lambda _, reply: replace(reply, pause=0.05)
        _well_in_the_end(play, expected, "from a slow service")
    return "slow answers are heard to the end"


def outlasts_silence(exam: Exam) -> str:
    """A service that takes a request and never answers holds nothing up for good."""
    expected = _all(exam)
    with Rehearsal(_connector(exam), exam.samples, patience=1.0) as play:
        play.stand_in.mood = _once(Reply(wait=True), _middle(exam))
        play.run()
        play.reopen(PATIENCE)
        _well_in_the_end(play, expected, "after a request that was never answered")
    return "a request that is never answered is made again"


def bears_drift(exam: Exam) -> str:
    """When the service's answers change, with more fields, fewer, or others, nothing crashes, and what cannot be read is counted."""
    problems = runs = 0
    for drift in (more, fewer, other):
        for seed in range(2):
            with _playing(exam) as play:
                play.stand_in.mood = drifting(drift, seed)
                report = play.run()
                if (error := report.error) and ("Error: " in error or "Exception" in error):
                    raise Failed(
                        f"with {drift.__doc__} it ends in {error}; let item, document, entries and fetch bear what they do not expect"
                    )
                for item in play.items():
                    canonical_of(exam.connector, item, {})
                problems, runs = problems + report.unreadable, runs + 1
    for (type, key), body in _all(exam).items():
        for changed in each_changed(loads(body)):
            canonical_of(exam.connector, Item(type.partition("/")[0], key, changed), {})
    return f"{runs} changes of the service's answers: no crash, {problems} problems counted"


def keeps_secrets(exam: Exam) -> str:
    """No secret is in the log, in a cursor or in an error."""
    if not _connector(exam).auth:
        raise Skipped("there are none")
    with _playing(exam) as play:
        play.stand_in.mood = _once(Reply(400, {}, b"no"), _middle(exam))
        said = [report.error or "" for report in (play.run(), play.run_until_well())]
        for secret in (TOKEN, SECRETS["password"]):
            need(not any(secret in text for text in said), "an error tells a secret")
            for name, content in play.files().items():
                need(secret.encode() not in content, f"a secret lies in {name}: do not put it into items, steps or keys")
    return "no secret is in the log, a cursor or an error"


CHECKS = (
    keeps_the_contract,
    has_samples,
    fetches_everything,
    appends_nothing_twice,
    goes_on_after_a_kill,
    bears_repeated_pages,
    bears_any_order,
    waits_when_told,
    waits_untold,
    stops_when_unauthorized,
    renews_its_token,
    bears_broken_answers,
    is_patient,
    outlasts_silence,
    bears_drift,
    keeps_secrets,
)


# -- playing ---------------------------------------------------------------------------------------------


def _connector(exam: Exam) -> Fetching:
    return cast("Fetching", exam.connector)


def _playing(exam: Exam) -> Rehearsal:
    if missing := exam.samples.lacks(_connector(exam)):
        raise Skipped(missing[0])
    return Rehearsal(_connector(exam), exam.samples)


def _all(exam: Exam) -> Shown:
    """What an undisturbed run brings."""
    shown: Shown = _undisturbed(exam)[0]
    return shown


def _middle(exam: Exam) -> int:
    """The number of a request in the middle of an undisturbed run."""
    return max(1 + (_connector(exam).who is not None), (_undisturbed(exam)[1] + 1) // 2)


def _undisturbed(exam: Exam) -> tuple[Shown, int]:
    """What an undisturbed run brings, and how many requests it makes."""
    if "undisturbed" not in exam.memo:
        with _playing(exam) as play:
            report = play.run()
            need(not report.error, f"an undisturbed run ends with: {report.error}")
            exam.memo["undisturbed"] = play.shown(), len(play.stand_in.calls)
    found: tuple[Shown, int] = exam.memo["undisturbed"]
    return found


def _same(expected: Shown, found: Shown, when: str) -> None:
    lost, new = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    need(not lost, f"{when}, {len(lost)} of {len(expected)} items are missing, first {lost[:1]}")
    need(not new, f"{when}, {len(new)} items are there that no undisturbed run brings, first {new[:1]}")
    changed = [key for key in expected if expected[key] != found[key]]
    need(not changed, f"{when}, {len(changed)} items are different, first {changed[:1]}")


def _well_in_the_end(play: Rehearsal, expected: Shown, when: str) -> None:
    report = play.run_until_well()
    need(not report.error, f"{when}, it does not become well again: {report.error}")
    _same(expected, play.shown(), when)


def _quiet_for(play: Rehearsal, number: int, seconds: float) -> None:
    """After a request that was limited, the next one comes only then: of the same list, where the service counts its lists apart."""
    limited, *later = play.stand_in.calls[number - 1 :]
    after = next(call for call in later if call.path == limited.path or not play.connector.pace.apart)
    quiet = after.at - limited.at
    need(quiet >= seconds - 1, f"it asked again after {quiet:.0f} of {seconds:.0f} seconds")


def _at(change: Mood, number: int) -> Mood:
    """Change the answer to one request."""
    return lambda call, reply: change(call, reply) if call.number == number else reply


def _once(answer: Reply, number: int) -> Mood:
    return _at(lambda *_: answer, number)


def _from(answer: Reply, number: int) -> Mood:
    return lambda call, reply: answer if call.number >= number else reply
