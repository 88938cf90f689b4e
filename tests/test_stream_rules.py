"""
What a stream may say, where it is streamed, which links are the same, and what its figures are.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker import plugin
from locker.error import BrokenSchema

plugin.mount("api")
rules: Any = import_module("locker.api._stream_rules")
figures: Any = import_module("locker.api._stream_figures")
moments: Any = import_module("locker.api._timestamp_rules")
people: Any = import_module("locker.api._streamer_rules")

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).filter(lambda text: text[0] != "-" and text[-1] != "-")
DOMAINS = st.sampled_from(sorted(rules.HOSTS))
SCHEMES = st.sampled_from(["http", "https", "HTTP", "Https"])
PATHS = st.sampled_from(["", "/", "/@jason/live", "/watch?v=1", "/x#y", "?a=tiktok.com", "/https://www.tiktok.com/"])


@given(SCHEMES, st.lists(LABEL, max_size=3), DOMAINS, st.sampled_from(["", ":443", ":8080", "."]), PATHS)
def test_a_platform_is_found_by_its_domain_and_all_under_it(scheme: str, under: list[str], domain: str, end: str, path: str) -> None:
    """Subdomains, letter case, ports, a last dot and whatever comes after do not matter."""
    link = f"{scheme}://{'.'.join([*under, domain]).upper()}{end}{path}"

    assert rules.HOSTS[domain] == rules.platform_of(link)


@given(DOMAINS, LABEL, LABEL, PATHS, st.integers(0, 6))
def test_a_lookalike_host_is_other(domain: str, one: str, two: str, path: str, way: int) -> None:
    """A platform's name before or inside another domain, as a user, in the path or glued to other letters is not that platform."""
    host = [
        f"{domain}.{one}.example",
        f"{one}{domain}",
        f"{domain}{one}",
        f"{domain}@{one}.example",
        f"{one}.example/{domain}",
        f"{one}.example?{domain}",
        f"{domain.replace('.', '-')}.{two}.example",
    ][way]

    assert "Other" == rules.platform_of(f"https://{host}{path}")


@pytest.mark.parametrize(
    "link", ["https://tіktok.com/", "https://youtube.com.evil.example", "https://xn--tktok-q8a.com", "https://notfb.com"]
)
def test_some_lookalikes(link: str) -> None:
    """A Cyrillic letter, a longer domain and punycode are other hosts."""
    assert "Other" == rules.platform_of(link)


@pytest.mark.parametrize(
    "link",
    [
        "ftp://x.org",
        "javascript:alert(1)",
        "x.org",
        "https://",
        "http://[",
        "https://x.org:99999/",
        "https://x.org/ a",
        "https://tiktok.com\\@evil.example",
        "https://x.org/\n",
        "//x.org",
    ],
)
def test_what_is_no_web_address_is_refused(link: str) -> None:
    """Only whole http and https addresses that all programs read alike are links."""
    with pytest.raises(BrokenSchema, match="Link must be a valid HTTP or HTTPS URL"):
        rules.checked({"source": "x", "link": f"{link}x" if link.endswith("\n") else link}, is_new=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://twitch.tv/jason", "https://www.twitch.tv/jason/", True),
        ("https://TWITCH.tv:443/jason#chat", "http://twitch.tv:80/jason", True),
        ("https://youtu.be/aB", "https://youtu.be/ab", False),
        ("https://youtube.com/watch?v=1", "https://youtube.com/watch?v=2", False),
        ("https://twitch.tv:8080/jason", "https://twitch.tv/jason", False),
    ],
)
def test_links_are_the_same_or_not(one: str, other: str, same: bool) -> None:
    """Scheme, www, usual port, last slash and fragment do not matter; letter case of the path and the query do."""
    assert same == (rules.same_link(one) == rules.same_link(other))


@pytest.mark.parametrize(
    ("field", "given", "expected"),
    [
        ("status", "LIVE", "live"),
        ("status", " Offline ", "offline"),
        ("platform", "tiktok", "TikTok"),
        ("platform", "YOUTUBE", "YouTube"),
        ("orientation", "vertical", "portrait"),
        ("orientation", "Horizontal", "landscape"),
        ("kind", "Overlay", "overlay"),
    ],
)
def test_words_come_back_in_one_spelling(field: str, given: str, expected: str) -> None:
    """Any letter case is accepted, and what other programs call the same."""
    assert expected == rules.checked({"source": "x", "link": "https://x.org", field: given}, is_new=True)[field]


@given(st.sampled_from(sorted(rules.WORDS)), st.one_of(st.text(min_size=1), st.integers(), st.booleans(), st.lists(st.none())))
def test_other_words_are_refused(field: str, value: Any) -> None:
    """What is none of a field's words is named, with the words there are."""
    if rules.word(field, value) is None:
        with pytest.raises(BrokenSchema, match=f"{field.capitalize()} .* is not one of"):
            rules.checked({"source": "x", "link": "https://x.org", field: value}, is_new=True)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """The sentences are joined by commas."""
    with pytest.raises(BrokenSchema) as caught:
        rules.checked({"source": " ", "title": 3}, is_new=True)

    assert "Source can't be blank, Link can't be blank, Title must be text" == str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from(["id", "user_id", "is_pinned", "is_archived", "created_at", "last_live_at", "x"]), st.integers() | st.booleans()
    )
)
def test_what_only_we_set_is_ignored(said: dict[str, Any]) -> None:
    """A request cannot give a stream an id, an owner, a pin or times."""
    assert {"source": "x", "link": "https://x.org"} == rules.checked({**said, "source": " x", "link": "https://x.org "}, is_new=True)


def test_a_source_has_at_most_255_characters() -> None:
    """One more is too long."""
    assert rules.checked({"source": "x" * 255, "link": "https://x.org"}, is_new=True)
    with pytest.raises(BrokenSchema, match="Source is too long"):
        rules.checked({"source": "x" * 256, "link": "https://x.org"}, is_new=True)


def version(minute: int, status: str, **more: Any) -> Any:
    """A stream as it stood so many minutes after eight."""
    at = f"2026-11-22T{8 + minute // 60:02d}:{minute % 60:02d}:00.000000Z"
    return figures.Version(at, {"status": status, "last_checked_at": f"{at[:23]}Z", **more})


def test_figures_are_counted_in_the_history() -> None:
    """Two sessions, ten and thirty minutes long; the one that goes on counts up to the last check."""
    found = figures.figures(
        [version(0, "unknown"), version(5, "live"), version(15, "offline"), version(60, "live"), version(70, "live"), version(90, "live")]
    )

    expected = {
        "status_changes": 3,
        "live_sessions": 2,
        "live_seconds": 2400,
        "longest_session_seconds": 1800,
        "is_live": True,
        "edits": 5,
        "first_seen": "2026-11-22T08:00:00.000Z",
        "last_seen": "2026-11-22T09:30:00.000Z",
        "last_updated": "2026-11-22T09:30:00.000Z",
    }
    assert expected == found


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(rules.STATUSES)), min_size=1, max_size=12))
def test_live_time_is_what_a_minute_by_minute_watcher_counts(steps: list[tuple[int, str]]) -> None:
    """For any history the seconds live are those at which somebody watching would have read ``live``."""
    minute, versions = 0, []
    for passed, status in steps:
        minute += passed
        versions.append((minute, status))
    watched = 0
    for now in range(minute):
        standing = [status for at, status in versions if at <= now]
        watched += bool(standing) and standing[-1] == "live"

    found = figures.figures([version(at, status) for at, status in versions])

    assert watched * 60 == found["live_seconds"]
    assert found["longest_session_seconds"] <= found["live_seconds"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00.000Z"),
        ("2026-11-22T09:00:00.5+01:00", "2026-11-22T08:00:00.500Z"),
        ("2026-11-22", "2026-11-22T00:00:00.000Z"),
        ("0001-01-01T00:00:00+10:00", None),
        ("yesterday", None),
        (3, None),
    ],
)
def test_moments_are_written_in_utc_to_the_millisecond(given: Any, expected: str | None) -> None:
    """A time without a zone is UTC; what is no time is none."""
    assert expected == moments.instant(given)


@pytest.mark.parametrize(("seconds", "expected"), [(3665, "1:01:05"), (125, "2:05"), (0, "0:00"), (None, "Unknown")])
def test_how_far_into_a_stream(seconds: int | None, expected: str) -> None:
    """As people write it, with hours only where there are some."""
    assert expected == moments.clock(seconds)


def test_a_streamers_accounts_get_addresses_and_are_unique_at_a_platform() -> None:
    """User names are in lower case; the profile's address follows from them unless it is given."""
    made = people.checked({"name": " Jason ", "accounts": [{"platform": "tiktok", "username": "@Jason"}]}, is_new=True)

    assert {
        "name": "Jason",
        "accounts": [{"platform": "TikTok", "username": "jason", "is_active": True, "profile_url": "https://www.tiktok.com/@jason"}],
    } == made
    twice = [{"platform": "twitch", "username": "a"}, {"platform": "Twitch", "username": "A"}]
    with pytest.raises(BrokenSchema, match="Account 2: Username has already been taken at Twitch"):
        people.checked({"name": "x", "accounts": twice}, is_new=True)
