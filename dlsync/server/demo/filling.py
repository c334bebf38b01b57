"""Filling an account with the demo: its agents, some plugins, and the links between them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from dlsync.server.demo.hosts import HOSTS
from dlsync.server.operation import timestamp
from dlsync.server.store import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from dlsync.server.demo.hosts import Host
    from dlsync.server.store import Store

AGE = timedelta(days=400)  # of the oldest host; nothing was measured before an agent was there
# Whoever applies the bookshop's own tree brings the plugins of its own; what is here is what every host runs anyway.
LINKED = {"base": ("all",), "ntp": ("all",), "nginx": ("web",)}
DESCRIPTIONS = {
    "base": "CPU, memory, load and network of a host",
    "ntp": "How far the clock is off",
    "nginx": "Requests and connections of the web server",
}
SCRIPTS = {
    "base": """#!/usr/bin/env python3
import os

load = os.getloadavg()[0] / (os.cpu_count() or 1)
print(f"OK - the load is {load:.2f} a core | load_fractional={load:.2f}")
""",
    "ntp": """#!/bin/sh
offset=$(chronyc -c tracking | cut -d , -f 5) || { echo "UNKNOWN - chrony does not answer"; exit 3; }
echo "OK - the clock is $offset s off | offset_ms=$(echo "$offset" | awk '{ print $1 * 1000 }')ms"
""",
    "nginx": """#!/bin/sh
active=$(curl -fsS http://127.0.0.1/status | awk 'NR == 1 { print $3 }') || { echo "CRITICAL - no answer"; exit 2; }
echo "OK - $active connections | connections=$active"
""",
}


def fill(store: Store, account: str, now: datetime) -> None:
    """Put the demo into the account of that id; leave an account alone that has agents."""
    if store.row("SELECT id FROM agents WHERE account = ?", account):
        return
    for index, host in enumerate(HOSTS):
        agent = json.dumps(_agent(host, now, created=now - AGE + timedelta(days=9 * index)))
        sql = "INSERT INTO agents (id, account, document, tags) VALUES (?, ?, ?, ?)"
        store.write(sql, host.id, account, agent, json.dumps(host.tags))
    for plugin in LINKED:
        _add_plugin(store, account, plugin)


def _agent(host: Host, now: datetime, *, created: datetime) -> dict[str, object]:
    heartbeat = timestamp(now - (host.silent or timedelta()))
    times = {"created": timestamp(created), "modified": heartbeat, "heartbeat": heartbeat}
    return {**host.agent(), **times, "demo": "alive" if host.silent is None else "gone"}


def _add_plugin(store: Store, account: str, name: str) -> None:
    kind, extension = ("INPROCESS", "py") if name == "base" else ("SCRIPT", "sh")
    values = (SCRIPTS[name].encode(), extension, DESCRIPTIONS[name], 30, "", "", kind, "", "{}")
    sql = "INSERT INTO plugins VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    identifier = new_id()
    if store.write(sql, identifier, account, name, *values):
        sql = "INSERT INTO links (id, account, plugin, tags) VALUES (?, ?, ?, ?)"
        store.write(sql, new_id(), account, identifier, json.dumps(LINKED[name]))
