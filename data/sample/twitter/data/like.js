window.YTD.like.part0 = [
  {
    "like": {
      "tweetId": "1986499000000000010",
      "fullText": "Found: eleven years of mail. Needed: a reader, soup.",
      "expandedUrl": "https://twitter.com/i/web/status/1986499000000000010"
    }
  },
  {
    "like": {
      "tweetId": "1979000000000000011",
      "fullText": "Back-pressure in node.js is a queue that says no. https://t.co/sample0002",
      "expandedUrl": "https://twitter.com/i/web/status/1979000000000000011"
    }
  },
  {
    "like": {
      "tweetId": "1851000000000000012",
      "fullText": "The kayak is yellow.",
      "expandedUrl": "https://twitter.com/i/web/status/1851000000000000012"
    }
  }
]
