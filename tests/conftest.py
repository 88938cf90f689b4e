"""What all tests share: an environment without anybody's own settings, and Hypothesis fit for a slow, busy machine."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings

# Whoever runs the tests may use a locker of their own: no test may find it.
for name in [name for name in os.environ if name.startswith("LOCKER_")]:
    del os.environ[name]

# Nor may a test leave the keys of its vaults in somebody's home.
_home = TemporaryDirectory(prefix="locker-test-home-")
os.environ["XDG_CONFIG_HOME"] = os.environ["APPDATA"] = _home.name

# Time limits per example would make a test fail because of its neighbours; what must be fast is measured in tests/bench.
settings.register_profile("locker", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("locker")
