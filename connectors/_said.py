"""
What a service's answer says when it is not the list that was asked for: the JSON object in it, if there is one.
"""

from __future__ import annotations

import json

from locker.connector import Answer, Body

from ._loose import obj


def said(answer: Answer) -> Body:
    """The JSON object of an answer, or an empty one; never raises."""
    try:
        return obj(json.loads(answer.body))
    except (ValueError, RecursionError):
        return {}


def is_quiet(answer: Answer, *marks: bytes) -> bool:
    """Whether an answer succeeded and has none of these marks of an error near its beginning, so that its body need not be read twice."""
    return answer.status < 400 and not any(mark in answer.body[:2000] for mark in marks)
