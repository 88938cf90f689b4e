window.YTD.account.part0 = [
  {
    "account": {
      "email": "robin.ashworth@example.org",
      "createdVia": "web",
      "username": "robinashworth",
      "accountId": "880011",
      "createdAt": "2012-02-29T09:30:00.000Z",
      "accountDisplayName": "Robin Ashworth"
    }
  }
]
