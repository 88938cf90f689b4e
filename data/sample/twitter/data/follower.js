window.YTD.follower.part0 = [
  {
    "follower": {
      "accountId": "880022",
      "userLink": "https://twitter.com/intent/user?user_id=880022"
    }
  },
  {
    "follower": {
      "accountId": "880033",
      "userLink": "https://twitter.com/intent/user?user_id=880033"
    }
  },
  {
    "follower": {
      "accountId": "880044",
      "userLink": "https://twitter.com/intent/user?user_id=880044"
    }
  }
]
