"""The real Pulumi engine without its vendor's downloads: bring it, host Python programs, run the CLI."""
