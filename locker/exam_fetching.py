"""
What the conformance kit holds a connector of a service to: nothing is lost, nothing comes twice, whatever the service does.
"""

from __future__ import annotations

CHECKS = ()
