#!/usr/bin/env python3
"""Tell how many orders wait in the queue: the length of a list on a server that speaks the Redis protocol.

    order_queue.py [HOST [PORT [LIST...]]]

Perfdata: <list> for each list, and total.
"""

import socket
import sys

LISTS = ("orders", "mails", "invoices")
WARNING, CRITICAL = 500, 5000


def length(stream, name):
    """Ask for the length of one list: LLEN, answered by `:<number>` or `-<error>`."""
    encoded = name.encode()
    stream.write(b"*2\r\n$4\r\nLLEN\r\n$%d\r\n%s\r\n" % (len(encoded), encoded))
    stream.flush()
    answer = stream.readline(1024).decode("utf-8", "replace").strip()
    if not answer.startswith(":"):
        raise ValueError(f"{name}: {answer or 'the server hung up'}")
    return int(answer[1:])


def main(arguments):
    """Ask for every list; the sum decides."""
    host, port, *lists = [*arguments, *("127.0.0.1", "6379")[len(arguments) :]]
    try:
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            stream = connection.makefile("rwb")
            lengths = {name: length(stream, name) for name in lists or LISTS}
    except (OSError, ValueError) as error:
        print(f"CRITICAL - the queue at {host}:{port} does not answer: {error}")
        return 2
    total = sum(lengths.values())
    code = 2 if total >= CRITICAL else int(total >= WARNING)
    perfdata = " ".join(f"{name}={waiting}" for name, waiting in lengths.items())
    state = ("OK", "WARNING", "CRITICAL")[code]
    print(f"{state} - {total} messages wait | {perfdata} total={total};{WARNING};{CRITICAL};0")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
