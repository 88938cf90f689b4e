window.YTD.profile.part0 = [
  {
    "profile": {
      "description": {
        "bio": "Keeps things. Ledgers, tides, bread.",
        "website": "",
        "location": "Oakland"
      },
      "avatarMediaUrl": "https://photos.example.org/robin.jpg"
    }
  }
]
