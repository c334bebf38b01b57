"""The hosts of the demo: who they are, what runs on them, and which of them are gone."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b

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


@dataclass(frozen=True, slots=True)
class Host:
    """A host with an agent on it.

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
    def tags(self) -> list[str]:
        """The tags that it carries."""
        return ["all", self.role, self.place, "production"]

    @property
    def plugins(self) -> list[str]:
        """What runs on it."""
        return sorted({*EVERYWHERE, *ROLES[self.role]})

    def agent(self) -> dict[str, object]:
        """Return what the agent says of itself, without its times."""
        digest = blake2b(self.name.encode(), digest_size=3).digest()
        processes = {"init": 1, "sshd": 2, "dataloop-agent": 1, **PROCESSES[self.role]}
        return {
            "id": self.id,
            "name": self.name,
            "hostname": f"{self.name}.{DOMAIN}",
            "mac": f"02:42:0a:{digest.hex(':')}",
            "osName": "Linux",
            "status": "REGISTERED",
            "container_name": "Linux",
            "mode": "DEFAULT",
            "interfaces": [_interface("lo", "127.0.0.1"), _interface("eth0", f"10.20.0.{self.address}")],
            "running_plugin_names": self.plugins,
            "process_summary": [{"name": name, "count": count} for name, count in processes.items()],
            **(self._container() if self.parent else {}),
        }

    def _container(self) -> dict[str, object]:
        labels = {"com.docker.compose.project": "bookshop", "com.docker.compose.service": self.role}
        return {
            "container_name": self.name,
            "container_id": blake2b(self.name.encode(), digest_size=32).hexdigest(),
            "parent": next(host.id for host in HOSTS if host.name == self.parent),
            "labels": [{"key": key, "value": value} for key, value in labels.items()],
        }


def _interface(name: str, ip: str) -> dict[str, object]:
    return {"addresses": [{"family": "AF_INET", "ips": [ip]}], "interface": name}


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
