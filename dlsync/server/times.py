"""Times as the server writes them, in one form that sorts as text, and as users give them."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """Return a time as the documentation writes it: ``2016-07-06T10:47:46.951Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """Return the date or time that a user gives, of UTC unless it says otherwise; raise a ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
