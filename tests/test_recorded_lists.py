"""
Every list that services were recorded to give, also of accounts and places that are nobody's own: each entry becomes an item, and an object.
"""

from __future__ import annotations

from typing import Any

import pytest

from locker.connector import Answer
from locker.path import search
from tests.mapping import fetching, made, said
from tests.replays import interactions
from tests.shared import needs_shared

TWEETY, RTWEET, PYTHON, RUBY = "twitter-tweepy", "twitter-rtweet", "twitter-python-twitter", "twitter-ruby"
YOUTUBE, FLICKR = "youtube-python-youtube", "flickr-flickr-objects"
RECORDED: list[tuple[str, str, str, str, str, int]] = [
    # connector, stream, folder, file, where the list is, how many entries
    ("twitter", "tweets", TWEETY, "test_client_get_users_tweets.yaml", "data", 2),
    ("twitter", "likes", TWEETY, "test_client_get_liked_tweets.yaml", "data", 96),
    ("twitter", "bookmarks", TWEETY, "test_client_bookmarks.yaml", "[data][?type(@)=='array'] | []", 1),
    ("twitter", "timeline", TWEETY, "test_client_get_home_timeline.yaml", "data", 98),
    ("twitter", "timeline", TWEETY, "test_client_get_list_tweets.yaml", "data", 97),
    ("twitter", "tweets", TWEETY, "test_client_get_tweets.yaml", "data", 2),
    ("twitter", "mentions", TWEETY, "test_client_get_users_mentions.yaml", "data", 10),
    ("twitter", "following", TWEETY, "test_client_get_users_following.yaml", "data", 35),
    ("twitter", "messages", TWEETY, "test_manage_and_lookup_direct_messages.yaml", "data[?text]", 4),
    ("twitter", "tweets", TWEETY, "testusertimeline.json", "@", 24),
    ("twitter", "tweets", TWEETY, "testcursornext.yaml", "@", 20),
    ("twitter", "tweets", TWEETY, "testidcursorpages.json", "@", 2),
    ("twitter", "timeline", TWEETY, "testhometimeline.json", "@", 19),
    ("twitter", "following", TWEETY, "testgetfriends.yaml", "users", 7),
    ("twitter", "followers", TWEETY, "testgetfollowers.yaml", "users", 2),
    ("twitter", "likes", RTWEET, "get_favorites2.json", "@", 95),
    ("twitter", "tweets", RTWEET, "get_timeline4.json", "@", 20),
    ("twitter", "tweets", RTWEET, "geo_objects1.json", "@", 2),
    ("twitter", "mentions", RTWEET, "mentions.json", "@", 5),
    ("twitter", "following", RTWEET, "lists_members1.json", "users", 5),
    ("twitter", "following", RTWEET, "lookup_users1.json", "@", 4),
    ("twitter", "messages", RTWEET, "direct_messages.json", "events", 1),
    ("twitter", "likes", PYTHON, "get_favorites.json", "@", 1),
    ("twitter", "timeline", PYTHON, "get_home_timeline.json", "@", 20),
    ("twitter", "timeline", PYTHON, "get_list_timeline.json", "@", 20),
    ("twitter", "tweets", PYTHON, "get_user_timeline.json", "@", 20),
    ("twitter", "tweets", PYTHON, "get_user_timeline_count.json", "@", 63),
    ("twitter", "tweets", PYTHON, "get_statuses.2.json", "@", 1),
    ("twitter", "followers", PYTHON, "get_followers_1.json", "users", 135),
    ("twitter", "following", PYTHON, "get_friends_4.json", "users", 19),
    ("twitter", "following", PYTHON, "get_mutes_users_list_loop_1.json", "users", 32),
    ("twitter", "following", PYTHON, "get_blocks_?.json", "users", 2),
    ("twitter", "tweets", RUBY, "statuses.json", "@", 20),
    ("twitter", "tweets", RUBY, "user_timeline.json", "@", 1),
    ("twitter", "tweets", RUBY, "search*.json", "statuses", 6),
    ("twitter", "followers", RUBY, "followers_list*.json", "users", 2),
    ("twitter", "following", RUBY, "members.json", "users || @", 1),
    ("twitter", "messages", RUBY, "direct_message_events.json", "events", 16),
    ("twitter", "tweets", "twitter-dogsheep-archive", "tweets.json", "@", 3),
    ("twitter", "likes", "huginn", "user_fav_tweets.json", "@", 4),
    ("youtube", "likes", YOUTUBE, "videos_myrating_paged_?.json", "items", 3),
    ("youtube", "likes", YOUTUBE, "videos_info_single.json", "items", 1),
    ("youtube", "subscriptions", YOUTUBE, "subscriptions_by_mine_p?.json", "items", 15),
    ("youtube", "playlists", YOUTUBE, "playlists_mine.json", "items", 2),
    ("youtube", "playlist-items", YOUTUBE, "playlist_items_paged_?.json", "items", 13),
    ("youtube", "activities", YOUTUBE, "activities_by_channel_p?.json", "items", 13),
    ("vimeo", "videos", "vimeo-vimeo-me2", "vimeo-user-videos.yml", "[@][?duration]", 1),
    ("vimeo", "following", "vimeo-vimeo-me2", "vimeo-user.yml", "[@]", 2),
    ("vimeo", "videos", "vimeo-networking", "clip.json", "[@]", 1),
    ("vimeo", "likes", "vimeo-networking", "clip.json", "[@]", 1),
    ("vimeo", "albums", "vimeo-networking", "album-response.json", "[@]", 1),
    ("vimeo", "following", "vimeo-networking", "user_live.json", "[@]", 1),
    ("flickr", "photos", FLICKR, "flickr_people_getPhotos.yml", "photos.photo", 4),
    ("flickr", "favorites", FLICKR, "flickr_photos_getContactsPhotos.yml", "photos.photo", 3),
    ("flickr", "photos", FLICKR, "flickr_photos_getContactsPhotos.yml", "photos.photo", 3),
    ("flickr", "photos", FLICKR, "flickr_photos_getWithGeoData.yml", "photos.photo", 3),
    ("flickr", "photos", FLICKR, "flickr_photos_recentlyUpdated.yml", "photos.photo", 4),
    ("flickr", "photos", FLICKR, "flickr_photosets_getPhotos.yml", "photoset.photo", 2),
    ("flickr", "photos", FLICKR, "flickr_photos_getInfo.yml", "[photo]", 1),
    ("flickr", "contacts", FLICKR, "flickr_people_getInfo.yml", "[person]", 1),
    ("flickr", "contacts", FLICKR, "flickr_photos_getFavorites.yml", "photo.person", 1),
    ("tumblr", "likes", "huginn", "tumblr_likes.json", "liked_posts", 20),
    ("tumblr", "posts", "tumblr", "BlogPostResponse.json", "response.posts", 20),
    ("spotify", "tracks", "spotify-zmb3", "current_users_tracks.txt", "items", 3),
    ("spotify", "played", "spotify-zmb3", "player_recently_played.txt", "items", 20),
    ("spotify", "playlists", "spotify-zmb3", "current_users_playlists.txt", "items", 5),
    ("spotify", "playlists", "spotify-zmb3", "playlists_for_user.txt", "items", 7),
    ("spotify", "playlist-items", "spotify-zmb3", "playlist_items_tracks.json", "items", 2),
    ("spotify", "artists", "spotify-zmb3", "current_users_top_artists.txt", "items", 10),
    ("spotify", "playlists", "spotify-rspotify", "user_wizzler_playlists_limit_20_offset_0.yml", "items", 6),
    ("spotify", "playlist-items", "spotify-rspotify", "playlist_find_118430647_starred.yml", "tracks.items", 100),
    ("spotify", "playlist-items", "spotify-rspotify", "playlist_tracks_118430647_starred.yml", "items", 85),
    ("spotify", "tracks", "spotify-rspotify", "playlist_tracks_118430647_starred.yml", "items", 85),
    ("lastfm", "scrobbles", "lastfm-pylast", "*from_to.yaml", "recenttracks.track[?date]", 1),
    ("lastfm", "scrobbles", "lastfm-pylast", "*limit_none.yaml", "recenttracks.track", 11),
    ("lastfm", "scrobbles", "lastfm-pylast", "*track_scrobbles.yaml", "trackscrobbles.track", 158),
    ("lastfm", "loved", "lastfm-pylast", "*top_tracks.yaml", "toptracks.track", 2),
    ("pinboard", "bookmarks", "pinboard", "posts.json", "@", 2),
    ("pinboard", "bookmarks", "pinboard", "sample-bookmarks.json", "@", 88),
    ("raindrop", "raindrops", "raindrop-io-py", "test_search.yaml", "items", 389),
    ("raindrop", "raindrops", "raindrop-har", "getRaindrops*/recording.har", "items", 3),
    ("raindrop", "raindrops", "raindrop-har", "getRaindrop*/recording.har", "[item][?link]", 5),
    ("raindrop", "collections", "raindrop-har", "getRootCollections*/recording.har", "items", 63),
    ("raindrop", "raindrops", "huginn", "raindrop_raindrops.json", "items", 2),
]


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "stream", "folder", "file", "path", "count"), RECORDED, ids=lambda value: str(value)[:60])
def test_shared_lists_become_objects(name: str, stream: str, folder: str, file: str, path: str, count: int) -> None:
    """Each entry has a key and says something that fits its schema."""
    connector = fetching(name)
    found: list[Any] = []
    for one in interactions(folder, file):
        if one.method in ("GET", "POST") and one.status == 200:
            listed = search(path, connector.document(Answer(200, {}, one.body, one.url)))
            found += listed if isinstance(listed, list) else []
    items = made(connector, stream, found)
    assert all(said(connector, item.type, item.body or {}) for item in items)
    assert count == len(items)
