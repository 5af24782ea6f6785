"""The two simulated clouds: what stands behind the resources that the program deploys."""
