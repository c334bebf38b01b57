"""The hosts of the demo with their agents, and the plugins that links deploy to them."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from dlsync.server.operation import timestamp
from dlsync.server.store import Store, new_id

DOMAIN = "acme.example"
EVERYWHERE = ("base", "disk_space", "ntp")
ROLES = {
    "web": ("nginx", "http_check", "tls_expiry"),
    "payments": ("payments_worker",),
    "db": ("postgres",),
    "cache": ("cache",),
    "queue": ("order_queue",),
    "backup": ("backup_age", "tls_expiry"),
    "mail": (),
}
PROCESSES = {
    "web": {"nginx": 9, "gunicorn": 16},
    "payments": {"payments-worker": 4},
    "db": {"postgres": 37},
    "cache": {"valkey-server": 1},
    "queue": {"valkey-server": 1},
    "backup": {"rsync": 2, "borg": 1},
    "mail": {"postfix": 5},
}
AGE = timedelta(days=400)  # of the oldest host; nothing was measured before an agent was there


@dataclass(frozen=True, slots=True)
class Host:
    """A host with an agent.

    :param silent: for how long it had been silent when the demo began; None: it is alive.
    :param parent: the name of the host, if this is a container on it.
    """

    name: str
    role: str
    place: str
    address: int
    silent: timedelta | None = None
    parent: str = ""

    @property
    def id(self) -> str:
        """The agent's fingerprint, the same in every demo."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.{DOMAIN}"))

    @property
    def plugins(self) -> list[str]:
        """The plugins that run on it."""
        return sorted({*EVERYWHERE, *ROLES[self.role]})

    def agent(self) -> dict[str, Any]:
        """Return what the agent reports, without its times and tags."""
        digest = blake2b(self.name.encode(), digest_size=3).digest()
        processes = {"init": 1, "sshd": 2, "dataloop-agent": 1, **PROCESSES[self.role]}
        addresses = {"lo": "127.0.0.1", "eth0": f"10.20.0.{self.address}"}
        agent: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "hostname": f"{self.name}.{DOMAIN}",
            "mac": f"02:42:0a:{digest.hex(':')}",
            "osName": "Linux",
            "status": "REGISTERED",
            "container_name": "Linux",
            "mode": "DEFAULT",
            "interfaces": [
                {"addresses": [{"family": "AF_INET", "ips": [ip]}], "interface": name} for name, ip in addresses.items()
            ],
            "running_plugin_names": self.plugins,
            "process_summary": [{"name": name, "count": count} for name, count in processes.items()],
            "demo": "alive" if self.silent is None else "gone",
        }
        if self.parent:
            labels = {"com.docker.compose.project": "bookshop", "com.docker.compose.service": self.role}
            agent |= {
                "container_name": self.name,
                "container_id": blake2b(self.name.encode(), digest_size=32).hexdigest(),
                "parent": next(host.id for host in HOSTS if host.name == self.parent),
                "labels": [{"key": key, "value": value} for key, value in labels.items()],
            }
        return agent


HOSTS = (
    Host("web-1", "web", "eu-west", 11),
    Host("web-2", "web", "eu-west", 12),
    Host("web-3", "web", "eu-west", 13),
    Host("web-4", "web", "eu-central", 14),
    Host("web-5", "web", "eu-central", 15),
    Host("web-6", "web", "eu-central", 16, silent=timedelta(days=1, hours=7, minutes=12)),
    Host("payments-1", "payments", "eu-west", 21),
    Host("payments-2", "payments", "eu-west", 22, parent="payments-1"),
    Host("db-1", "db", "eu-west", 31),
    Host("db-2", "db", "eu-central", 32),
    Host("cache-1", "cache", "eu-west", 41),
    Host("queue-1", "queue", "eu-west", 51),
    Host("backup-1", "backup", "eu-central", 61),
    Host("mail-1", "mail", "eu-west", 71, silent=timedelta(days=23, hours=3)),
)
# name, type, extension, tags, description, script: what every host runs; the example repository brings its own plugins
PLUGINS = (
    (
        "base",
        "INPROCESS",
        "py",
        ["all"],
        "CPU, memory, load and network of a host",
        """#!/usr/bin/env python3
import os

load = os.getloadavg()[0] / (os.cpu_count() or 1)
print(f"OK - the load is {load:.2f} a core | load_fractional={load:.2f}")
""",
    ),
    (
        "ntp",
        "SCRIPT",
        "sh",
        ["all"],
        "How far the clock is off",
        """#!/bin/sh
offset=$(chronyc -c tracking | cut -d , -f 5) || { echo "UNKNOWN - chrony does not answer"; exit 3; }
echo "OK - the clock is $offset s off | offset_ms=$(echo "$offset" | awk '{ print $1 * 1000 }')ms"
""",
    ),
    (
        "nginx",
        "SCRIPT",
        "sh",
        ["web"],
        "Requests and connections of the web server",
        """#!/bin/sh
active=$(curl -fsS http://127.0.0.1/status | awk 'NR == 1 { print $3 }') || { echo "CRITICAL - no answer"; exit 2; }
echo "OK - $active connections | connections=$active"
""",
    ),
)


def fill(store: Store, account: str, now: datetime) -> None:
    """Insert the agents, plugins and links of the demo into the account of that id, unless it has agents."""
    if store.row("agents", account=account):
        return
    for index, host in enumerate(HOSTS):
        created, heartbeat = now - AGE + timedelta(days=9 * index), timestamp(now - (host.silent or timedelta()))
        document = {**host.agent(), "created": timestamp(created), "modified": heartbeat, "heartbeat": heartbeat}
        tags = ["all", host.role, host.place, "production"]
        store.insert("agents", account=account, id=host.id, document=document, tags=tags)
    defaults = {"interval": 30, "params": "", "shell_args": "", "pack": ""}
    for name, kind, extension, tags, description, script in PLUGINS:
        plugin = {"name": name, "type": kind, "extension": extension, "description": description, **defaults}
        identifier = new_id()
        if store.insert("plugins", id=identifier, account=account, content=script.encode(), **plugin):
            store.insert("links", id=new_id(), account=account, plugin=identifier, tags=tags)
