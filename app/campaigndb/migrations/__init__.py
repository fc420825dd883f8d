"""What Alembic's revisions and environment share: functions, privileges, configuration."""
