"""
Services as they were recorded, synced twice: the first run brings what the recording counts, the second appends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fetching import synced
from tests.mapping import fetching
from tests.replays import interactions, replayed, serving
from tests.shared import needs_shared

ME, OTHER = {"id": "1072250532645998596"}, {"id": "783214"}
OLD = {"api": "1.1", "id": "1"}
RECORDED: list[tuple[str, str, str, Mapping[str, str], Mapping[str, int]]] = [
    # connector, folder, file, options, items by stream
    ("twitter", "twitter-tweepy", "test_client_bookmarks.yaml", {}, {"bookmarks": 1}),
    ("twitter", "twitter-tweepy", "test_client_get_liked_tweets.yaml", OTHER, {"likes": 96}),
    ("twitter", "twitter-tweepy", "test_client_get_users_tweets.yaml", OTHER, {"tweets": 2}),
    ("twitter", "twitter-tweepy", "test_client_get_users_following.yaml", OTHER, {"following": 35}),
    ("twitter", "twitter-tweepy", "test_client_get_users_mentions.yaml", OTHER, {"mentions": 10}),
    ("twitter", "twitter-tweepy", "test_client_get_home_timeline.yaml", ME, {"timeline": 98}),
    ("twitter", "twitter-tweepy", "test*", OTHER, {"tweets": 2, "likes": 96, "following": 35, "mentions": 10}),
    ("twitter", "twitter-tweepy", "testgetfavorites.json", OLD, {"likes": 0}),
    ("twitter", "twitter-tweepy", "testgetdirectmessages.json", OLD, {"messages": 0}),
    ("twitter", "twitter-tweepy", "testusertimeline.json", OLD, {"tweets": 4}),
    ("twitter", "twitter-tweepy", "testcursornext.yaml", OLD, {"tweets": 20}),
    ("twitter", "twitter-tweepy", "testhometimeline.json", OLD, {"timeline": 19}),
    ("twitter", "twitter-tweepy", "testgetfriends.yaml", OLD, {"following": 7}),
    ("twitter", "twitter-tweepy", "testgetfollowers.yaml", OLD, {"followers": 2}),
    ("twitter", "twitter-rtweet", "get_favorites2.json", OLD, {"likes": 95}),
    ("twitter", "twitter-rtweet", "get_timeline4.json", OLD, {"tweets": 20}),
    ("twitter", "twitter-rtweet", "mentions.json", OLD, {"mentions": 5}),
    ("twitter", "twitter-rtweet", "direct_messages.json", OLD, {"messages": 1}),
    ("twitter", "twitter-rtweet", "get_favorites3.json", OLD, {"likes": 0}),
    ("vimeo", "vimeo-vimeo-me2", "vimeo-user-videos.yml", {}, {"videos": 0}),
    ("flickr", "flickr-flickr-objects", "flickr_people_getPhotos.yml", {"user": "78733179@N04"}, {"photos": 2}),
    ("flickr", "flickr-flickr-objects", "flickr_*", {}, {"photos": 2, "favorites": 0}),
    ("lastfm", "lastfm-pylast", "*from_to.yaml", {"username": "RJ"}, {"scrobbles": 1}),
    ("lastfm", "lastfm-pylast", "*limit_none.yaml", {"username": "bbc6music"}, {"scrobbles": 11}),
    ("raindrop", "raindrop-io-py", "test_search.yaml", {}, {"raindrops": 382, "favorites": 0}),
    ("raindrop", "raindrop-har", "getRaindrops*/recording.har", {"collection": "57170525"}, {"raindrops": 3}),
]


YOUTUBE, APIDATA = "youtube-python-youtube", "/youtube/v3"
BODIES: list[tuple[str, Mapping[str, str], Mapping[str, tuple[str, str]], Mapping[str, int]]] = [
    # connector, options, the folder and file that answers each address, items by stream
    (
        "youtube",
        {},
        {
            f"{APIDATA}/channels": (YOUTUBE, "channels/info.json"),
            f"{APIDATA}/videos": (YOUTUBE, "videos_myrating_paged_1.json"),
            f"{APIDATA}/videos?pageToken=CAIQAA": (YOUTUBE, "videos_myrating_paged_2.json"),
            f"{APIDATA}/subscriptions": (YOUTUBE, "subscriptions_by_mine_p1.json"),
            f"{APIDATA}/subscriptions?pageToken=CAoQAA": (YOUTUBE, "subscriptions_by_mine_p2.json"),
            f"{APIDATA}/playlists": (YOUTUBE, "playlists_mine.json"),
            f"{APIDATA}/playlistItems": (YOUTUBE, "playlist_items_paged_1.json"),
            f"{APIDATA}/playlistItems?pageToken=CAoQAA": (YOUTUBE, "playlist_items_paged_2.json"),
            f"{APIDATA}/activities": (YOUTUBE, "activities_by_channel_p1.json"),
            f"{APIDATA}/activities?pageToken=CAoQAA": (YOUTUBE, "activities_by_channel_p2.json"),
        },
        {"likes": 3, "subscriptions": 15, "playlists": 2, "playlist-items": 13, "activities": 13},
    ),
    ("twitter", OLD, {"/1.1/favorites/list.json": ("huginn", "user_fav_tweets.json")}, {"likes": 4}),
    ("twitter", OLD, {"/1.1/favorites/list.json": ("twitter-python-twitter", "get_favorites.json")}, {"likes": 1}),
    (
        "twitter",
        OLD,
        {
            "/1.1/statuses/user_timeline.json": ("twitter-python-twitter", "get_user_timeline_count.json"),
            "/1.1/statuses/home_timeline.json": ("twitter-python-twitter", "get_home_timeline.json"),
            "/1.1/followers/list.json": ("twitter-python-twitter", "get_followers_1.json"),
            "/1.1/friends/list.json": ("twitter-python-twitter", "get_blocks_0.json"),
            "/1.1/friends/list.json?cursor=1524574483549312671": ("twitter-python-twitter", "get_blocks_1.json"),
        },
        {"tweets": 63, "timeline": 20, "followers": 135, "following": 1},
    ),
    ("tumblr", {}, {"/v2/user/likes": ("huginn", "tumblr_likes.json")}, {"likes": 20}),
    ("tumblr", {"blog": "staff"}, {"/v2/blog/staff/posts": ("tumblr", "BlogPostResponse.json")}, {"posts": 20}),
    (
        "spotify",
        {},
        {
            "/v1/me/tracks": ("spotify-zmb3", "current_users_tracks.txt"),
            "/v1/me/player/recently-played": ("spotify-zmb3", "player_recently_played.txt"),
            "/v1/me/playlists": ("spotify-zmb3", "playlists_for_user.txt"),
            "/v1/playlists/5lH9NjOeJvctAO92ZrKQNB/tracks": ("spotify-zmb3", "playlist_items_tracks.json"),
        },
        {"tracks": 3, "played": 20, "playlists": 7, "playlist-items": 2},
    ),
    (
        "spotify",
        {},
        {
            "/v1/me/playlists": ("spotify-rspotify", "user_wizzler_playlists_limit_20_offset_0.yml"),
            "/v1/playlists/3FJd21jWvCjGCLx7eKrext/tracks": ("spotify-rspotify", "playlist_tracks_118430647_starred.yml"),
        },
        {"playlists": 6, "playlist-items": 85},
    ),
    ("pinboard", {}, {"/v1/posts/all": ("pinboard", "posts.json")}, {"bookmarks": 2}),
    ("pinboard", {}, {"/v1/posts/all": ("pinboard", "sample-bookmarks.json")}, {"bookmarks": 88}),
    ("raindrop", {}, {"/rest/v1/collections": ("raindrop-har", "getRootCollections*/recording.har")}, {"collections": 58}),
    ("raindrop", {}, {"/rest/v1/raindrops/0": ("huginn", "raindrop_raindrops.json")}, {"raindrops": 2}),
]


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "options", "answers", "expected"), BODIES, ids=lambda value: str(value)[:60])
async def test_shared_bodies_are_synced_once(
    tmp_path: Path,
    name: str,
    options: Mapping[str, str],
    answers: Mapping[str, tuple[str, str]],
    expected: Mapping[str, int],
) -> None:
    """Recordings of bodies alone, served where the service has them, with the pages that they name."""
    recorded = [replace(interactions(*found)[0], method="GET", url=f"https://service.example{url}") for url, found in answers.items()]
    async with serving(recorded) as base:
        first, second = await synced(tmp_path, fetching(name), base, options=options, streams=list(expected))
    assert dict(expected) == {stream.name: stream.added for stream in first.streams}
    assert 0 == second.records
    assert second.mode in ("initial", "normal"), second.error


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "folder", "file", "options", "expected"), RECORDED, ids=lambda value: str(value)[:60])
async def test_shared_recordings_are_synced_once(
    tmp_path: Path, name: str, folder: str, file: str, options: Mapping[str, str], expected: Mapping[str, int]
) -> None:
    """Each stream brings what was recorded; where a recording breaks off, what came before stays, and nothing comes twice."""
    async with replayed(folder, file) as base:
        first, second = await synced(tmp_path, fetching(name), base, options=options, streams=list(expected))
    assert dict(expected) == {stream.name: stream.added for stream in first.streams}
    assert 0 == second.records
    assert {"done", "skipped", "unchanged"} >= {stream.outcome for stream in (*first.streams, *second.streams)}
    assert second.mode in ("initial", "normal"), second.error


ERRORS: list[tuple[str, str, str, str, str, int, str, str]] = [
    # connector, stream, its address, folder, file, status, mode, outcome of the stream
    ("twitter", "likes", "/1.1/favorites/list.json", "twitter-rtweet", "get_favorites3.json", 401, "initial", "skipped"),
    ("twitter", "likes", "/1.1/favorites/list.json", "twitter-ruby", "forbidden.json", 403, "initial", "skipped"),
    ("twitter", "likes", "/1.1/favorites/list.json", "twitter-ruby", "not_found.json", 404, "initial", "skipped"),
    (
        "twitter",
        "likes",
        "/1.1/favorites/list.json",
        "twitter-python-twitter",
        "public_timeline_error.json",
        429,
        "rate-limited",
        "limited",
    ),
    ("vimeo", "likes", "/me/likes", "vimeo-vimeo-me2", "vimeo-video-error.yml", 401, "unauthorized", "failed"),
    ("youtube", "likes", "/youtube/v3/videos", YOUTUBE, "error_response.json", 400, "unauthorized", "failed"),
    ("youtube", "likes", "/youtube/v3/videos", YOUTUBE, "error_permission_resp.json", 403, "initial", "skipped"),
    (
        "flickr",
        "photos",
        "/services/rest?method=flickr.people.getPhotos",
        "flickr-flickr-objects",
        "raises_a_Flickr_OAuthError.yml",
        400,
        "unauthorized",
        "failed",
    ),
]


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "stream", "url", "folder", "file", "status", "mode", "outcome"), ERRORS)
async def test_shared_errors_are_what_they_mean(
    tmp_path: Path, name: str, stream: str, url: str, folder: str, file: str, status: int, mode: str, outcome: str
) -> None:
    """A list that is not for this account is passed over; a dead token, a limit and a bad key put the connection into their mode."""
    recorded = replace(interactions(folder, file)[0], method="GET", url=f"https://service.example{url}", status=status)
    options = OLD if name == "twitter" else {"user": "7@N01"} if name == "flickr" else {}
    async with serving([recorded]) as base:
        (report,) = await synced(tmp_path, fetching(name), base, options=options, streams=[stream], times=1)
    assert ([outcome], mode, 0) == ([one.outcome for one in report.streams], report.mode, report.records)
