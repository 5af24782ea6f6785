"""``./dr rehearse``: normal life, disaster, failover and the way back, played through and accounted for."""
