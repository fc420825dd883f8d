"""The demo: a campaign over real places, worked on by four processes at once."""
