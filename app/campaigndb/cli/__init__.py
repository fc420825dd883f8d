"""The command line `campaigndb`."""
