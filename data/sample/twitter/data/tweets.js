window.YTD.tweets.part0 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1986500000000000001"
          ],
          "editableUntil": "2025-11-08T06:32:10.000Z",
          "editsRemaining": "5",
          "isEditEligible": false
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://example.org/app\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [
          {
            "text": "archive",
            "indices": [
              "90",
              "98"
            ]
          }
        ],
        "symbols": [],
        "user_mentions": [
          {
            "name": "Mara Delgado",
            "screen_name": "maradelgado",
            "indices": [
              "34",
              "46"
            ],
            "id_str": "880033",
            "id": "880033"
          },
          {
            "name": "Theo Lindqvist",
            "screen_name": "theolindqvist",
            "indices": [
              "59",
              "73"
            ],
            "id_str": "880022",
            "id": "880022"
          }
        ],
        "urls": []
      },
      "display_text_range": [
        "0",
        "98"
      ],
      "favorite_count": "14",
      "id_str": "1986500000000000001",
      "truncated": false,
      "retweet_count": "2",
      "id": "1986500000000000001",
      "created_at": "Fri Nov 07 05:32:10 +0000 2025",
      "favorited": false,
      "full_text": "Eleven years of mail on one disk. @maradelgado brought it, @theolindqvist had the reader. #archive",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1986900000000000002"
          ],
          "editableUntil": "2025-11-08T06:32:10.000Z",
          "editsRemaining": "5",
          "isEditEligible": false
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://example.org/app\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [
          {
            "name": "Theo Lindqvist",
            "screen_name": "theolindqvist",
            "indices": [
              "0",
              "14"
            ],
            "id_str": "880022",
            "id": "880022"
          }
        ],
        "urls": []
      },
      "display_text_range": [
        "0",
        "40"
      ],
      "favorite_count": "3",
      "id_str": "1986900000000000002",
      "truncated": false,
      "retweet_count": "0",
      "id": "1986900000000000002",
      "created_at": "Fri Nov 07 06:01:44 +0000 2025",
      "favorited": false,
      "full_text": "@theolindqvist It does need a firm push.",
      "lang": "en",
      "in_reply_to_status_id_str": "1986500000000000009",
      "in_reply_to_status_id": "1986500000000000009",
      "in_reply_to_user_id": "880022",
      "in_reply_to_user_id_str": "880022",
      "in_reply_to_screen_name": "theolindqvist"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1987100000000000003"
          ],
          "editableUntil": "2025-11-08T06:32:10.000Z",
          "editsRemaining": "5",
          "isEditEligible": false
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://example.org/app\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": [
          {
            "url": "https://t.co/sample0001",
            "expanded_url": "https://trails.example.org/north-tower",
            "display_url": "trails.example.org/north-tower",
            "indices": [
              "42",
              "65"
            ]
          }
        ]
      },
      "display_text_range": [
        "0",
        "65"
      ],
      "favorite_count": "9",
      "id_str": "1987100000000000003",
      "truncated": false,
      "retweet_count": "0",
      "id": "1987100000000000003",
      "created_at": "Sun Nov 09 16:20:00 +0000 2025",
      "favorited": false,
      "full_text": "The fog burned off at eight, as promised. https://t.co/sample0001",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1890000000000000004"
          ],
          "editableUntil": "2025-11-08T06:32:10.000Z",
          "editsRemaining": "5",
          "isEditEligible": false
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://example.org/app\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": []
      },
      "display_text_range": [
        "0",
        "47"
      ],
      "favorite_count": "1",
      "id_str": "1890000000000000004",
      "truncated": false,
      "retweet_count": "0",
      "id": "1890000000000000004",
      "created_at": "Sat Feb 15 17:05:00 +0000 2025",
      "favorited": false,
      "full_text": "Zwei Laib Roggen, bitte. &lt;3 Brandt &amp; Rye",
      "lang": "de"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1750000000000000005"
          ],
          "editableUntil": "2025-11-08T06:32:10.000Z",
          "editsRemaining": "5",
          "isEditEligible": false
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://example.org/app\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": []
      },
      "display_text_range": [
        "0",
        "21"
      ],
      "favorite_count": "0",
      "id_str": "1750000000000000005",
      "truncated": false,
      "retweet_count": "0",
      "id": "1750000000000000005",
      "created_at": "Wed Jan 24 04:00:00 +0000 2024",
      "favorited": false,
      "full_text": "New year, new ledger.",
      "lang": "en"
    }
  }
]
