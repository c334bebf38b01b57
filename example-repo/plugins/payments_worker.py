#!/usr/bin/env python3
"""Tell whether the payments worker is alive, from the status file that it writes after each batch.

    payments_worker.py [FILE]

FILE is JSON: {"pending": 3, "failed": 0, "settled": 118}. It is critical when the worker has not written it for
five minutes, and a warning when payments failed in its last batch.

Perfdata: heartbeat_age in seconds; pending, failed and settled payments.
"""

import json
import sys
import time
from pathlib import Path

DEFAULT = "/var/lib/payments/status.json"
STALE = 300  # seconds; the worker settles a batch every minute


def main(arguments):
    """Read the file and judge it."""
    file = Path(arguments[0] if arguments else DEFAULT)
    try:
        age = max(0.0, time.time() - file.stat().st_mtime)
        status = json.loads(file.read_text(encoding="utf-8"))
        pending, failed, settled = (int(status[field]) for field in ("pending", "failed", "settled"))
    except FileNotFoundError:
        print(f"CRITICAL - the worker has never written {file}")
        return 2
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"UNKNOWN - cannot read {file}: {type(error).__name__} {error}")
        return 3
    perfdata = f"heartbeat_age={age:.0f}s;;{STALE} pending={pending} failed={failed};0 settled={settled}"
    if age > STALE:
        print(f"CRITICAL - no batch for {age:.0f} s, {pending} payments are waiting | {perfdata}")
        return 2
    if failed:
        print(f"WARNING - {failed} payments failed in the last batch | {perfdata}")
        return 1
    print(f"OK - {settled} settled, {pending} waiting | {perfdata}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
