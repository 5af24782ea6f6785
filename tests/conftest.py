"""Loaded before any test, and so before anything imports grpc, which reads its switches only then."""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # why: sandbox/providers/__init__.py

# No test is about time: a machine that halts for a moment must not fail one.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")
