#!/usr/bin/env python3
"""Tell for how many days the certificates of our servers are still good.

    tls_expiry.py [--warning DAYS] [--critical DAYS] HOST[:PORT]...

Perfdata: days_left, that of the certificate that runs out first; checked, how many were looked at.
"""

import argparse
import socket
import ssl
import sys
import time

DAY = 24 * 60 * 60
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class Parser(argparse.ArgumentParser):
    """Bad arguments are unknown (3); argparse's own 2 would read as critical."""

    def error(self, message):
        """Leave with 3."""
        print(f"UNKNOWN - {message}")
        sys.exit(3)


def days_left(server):
    """Return the days until the certificate of HOST[:PORT] runs out; one that is not trusted is an OSError."""
    host, _, port = server.partition(":")
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, int(port or 443)), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        return (ssl.cert_time_to_seconds(secured.getpeercert()["notAfter"]) - time.time()) / DAY


def main():
    """Look at every server; the shortest time decides, and a server that cannot be asked is critical."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--warning", type=float, default=21)
    parser.add_argument("--critical", type=float, default=7)
    parser.add_argument("servers", nargs="+")
    options = parser.parse_args()
    left, failed = {}, []
    for server in options.servers:
        try:
            left[server] = days_left(server)
        except (OSError, ValueError) as error:
            failed.append(f"{server}: {error}")
    perfdata = f"checked={len(left)}"
    if left:
        first = min(left, key=left.get)
        perfdata = f"days_left={left[first]:.1f};{options.warning:g}:;{options.critical:g}: {perfdata}"
        text = f"{first} has {left[first]:.0f} days left"
        code = 2 if left[first] < options.critical else int(left[first] < options.warning)
    if failed:
        text, code = "; ".join(failed), 2
    print(f"{STATES[code]} - {text} | {perfdata}")
    return code


if __name__ == "__main__":
    sys.exit(main())
