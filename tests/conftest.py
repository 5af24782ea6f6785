"""Loaded before any test, and so before anything imports grpc, which reads its switches only then."""

import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # why: sandbox/providers/__init__.py
