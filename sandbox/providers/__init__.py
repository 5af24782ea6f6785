"""Simulated Pulumi providers: aws, azure-native and random as gRPC servers in one process."""

import os

# gRPC's fork handlers cannot run while its threads are busy, and say so on every child process. Our children
# call exec at once and never use gRPC again; the switch must be set before grpc is imported for the first
# time.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
