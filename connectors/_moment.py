"""
Understands the many ways in which exports write a moment: the door's own, under the name that the connectors here use.
"""

from __future__ import annotations

from locker.connector import iso, moment

__all__ = ["iso", "moment"]
