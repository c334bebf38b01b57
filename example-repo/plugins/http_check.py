#!/usr/bin/env python3
"""Fetch pages of the shop and tell how long each took.

    http_check.py [--warning SECONDS] [--critical SECONDS] NAME=URL...

Perfdata: <name>_time in seconds, <name>_size in bytes, <name>_code the HTTP status, for each page.
"""

import argparse
import http.client
import sys
import time
from urllib.parse import urlsplit, urlunsplit

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class Parser(argparse.ArgumentParser):
    """Bad arguments are unknown (3); argparse's own 2 would read as critical."""

    def error(self, message):
        """Leave with 3."""
        print(f"UNKNOWN - {message}")
        sys.exit(3)


def fetch(url, timeout):
    """Return status, size in bytes and seconds for one GET; redirects are not followed."""
    parts = urlsplit(url)
    connections = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    began = time.monotonic()
    connection = connections[parts.scheme](parts.hostname, parts.port, timeout=timeout)
    try:
        page = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", page, headers={"User-Agent": "http_check"})
        answer = connection.getresponse()
        return answer.status, len(answer.read()), time.monotonic() - began
    finally:
        connection.close()


def check(name, url, options):
    """Return exit code, text and perfdata for one page."""
    try:
        status, size, seconds = fetch(url, timeout=options.critical * 2)
    except (OSError, http.client.HTTPException) as error:
        return 2, f"{name}: {error or type(error).__name__}", ""
    limits = f"{options.warning:g};{options.critical:g};0"
    perfdata = f"{name}_time={seconds:.3f}s;{limits} {name}_size={size}B {name}_code={status}"
    text = f"{name}: {status} in {seconds:.2f} s"
    if status >= http.HTTPStatus.BAD_REQUEST or seconds > options.critical:
        return 2, text, perfdata
    return int(seconds > options.warning), text, perfdata


def page(argument):
    """Split NAME=URL."""
    name, _, url = argument.partition("=")
    if not name or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise argparse.ArgumentTypeError(f"{argument!r} is not NAME=http://...")
    return name, url


def main():
    """Check every page; the worst one decides."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--warning", type=float, default=1.0)
    parser.add_argument("--critical", type=float, default=5.0)
    parser.add_argument("pages", nargs="+", type=page)
    options = parser.parse_args()
    results = [check(name, url, options) for name, url in options.pages]
    code = max(result[0] for result in results)
    text = ", ".join(result[1] for result in results)
    perfdata = " ".join(result[2] for result in results if result[2])
    print(f"{STATES[code]} - {text} | {perfdata}")
    return code


if __name__ == "__main__":
    sys.exit(main())
