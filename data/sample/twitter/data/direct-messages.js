window.YTD.direct_messages.part0 = [
  {
    "dmConversation": {
      "conversationId": "880011-880022",
      "messages": [
        {
          "messageCreate": {
            "recipientId": "880011",
            "reactions": [],
            "urls": [],
            "text": "Reader is in the blue box.",
            "mediaUrls": [],
            "senderId": "880022",
            "id": "1986600000000000021",
            "createdAt": "2025-11-07T17:02:11.000Z",
            "editHistory": []
          }
        },
        {
          "messageCreate": {
            "recipientId": "880022",
            "reactions": [],
            "urls": [],
            "text": "Did you leave the reader here?",
            "mediaUrls": [],
            "senderId": "880011",
            "id": "1986550000000000020",
            "createdAt": "2025-11-07T16:58:03.000Z",
            "editHistory": []
          }
        }
      ]
    }
  }
]
