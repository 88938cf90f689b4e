"""
Where the recordings of real services and archives are, if they are beside the checkout.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data"

needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason=f"no {DATA.parent.name}/{DATA.name} beside the checkout")
