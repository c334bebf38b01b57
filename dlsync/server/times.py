"""Write times in one form that sorts as text, and parse those of users."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """Return a time in the form of the documentation: ``2016-07-06T10:47:46.951Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """Parse a date or time, by default in UTC; raise a ValueError if it is neither."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
