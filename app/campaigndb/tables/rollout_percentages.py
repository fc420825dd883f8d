"""`gmaps_rollout_percentages`: how many of 100 campaigns a function serves."""

from sqlalchemy import Column, Integer, Table, Text, text

from campaigndb.tables.metadata import metadata, not_blank, timestamp, within

# The row `all` counts for functions that have none of their own.
rollout_percentages = Table(
    "gmaps_rollout_percentages",
    metadata,
    Column("function_name", Text, primary_key=True),
    Column("percentage", Integer, nullable=False),
    # The session's: `current_user` may be an owner that several people act as.
    Column("changed_by", Text, nullable=False, server_default=text("session_user")),
    timestamp("changed_at", default_now=True),
    not_blank("function_name"),
    within("percentage", 0, 100),
)
