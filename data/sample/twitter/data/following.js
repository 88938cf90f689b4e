window.YTD.following.part0 = [
  {
    "following": {
      "accountId": "880022",
      "userLink": "https://twitter.com/intent/user?user_id=880022"
    }
  },
  {
    "following": {
      "accountId": "880033",
      "userLink": "https://twitter.com/intent/user?user_id=880033"
    }
  }
]
