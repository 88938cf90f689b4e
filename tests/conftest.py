"""What all tests share: how Hypothesis behaves on a slow, busy machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Time limits per example would make a test fail because of its neighbours; what must be fast is measured in tests/bench.
settings.register_profile("locker", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("locker")
