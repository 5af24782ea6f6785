"""The operator's own commands: failover, failback and what they show, by plain ``pulumi`` and a few blobs."""
