"""The hosts of the demo with their agents, and the plugins that links deploy to them."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import yaml

from dlsync.server.store import Store, new_id
from dlsync.server.times import timestamp

DOMAIN = "acme.example"
EVERYWHERE = ("base", "disk_space", "ntp")
DATA = yaml.load(Path(__file__).with_name("hosts.yaml").read_text("utf-8"), yaml.CSafeLoader)
AGE = timedelta(days=400)  # of the oldest host


@dataclass(frozen=True, slots=True)
class Host:
    """A host with an agent.

    :param silent_minutes: how long before the demo its agent went silent; 0 if it is alive.
    :param parent: the name of the host, if this is a container on it.
    """

    name: str
    role: str
    place: str
    address: int
    silent_minutes: int = 0
    parent: str = ""

    @property
    def id(self) -> str:
        """The agent's fingerprint, the same in every demo."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.{DOMAIN}"))

    @property
    def plugins(self) -> list[str]:
        """The plugins that run on the host."""
        return sorted({*EVERYWHERE, *DATA["roles"][self.role]["plugins"]})

    def agent(self) -> dict[str, Any]:
        """Return the report of the agent, without times and tags."""
        digest = blake2b(self.name.encode(), digest_size=3).digest()
        processes = {"init": 1, "sshd": 2, "dataloop-agent": 1, **DATA["roles"][self.role]["processes"]}
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
            "demo": "gone" if self.silent_minutes else "alive",
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


HOSTS = [Host(**host) for host in DATA["hosts"]]


async def fill(store: Store, account: str, now: datetime) -> None:
    """Insert the demo's agents, plugins and links into the account with an id, unless it has agents."""
    if await store.row("agents", account=account):
        return
    for index, host in enumerate(HOSTS):
        created = now - AGE + timedelta(days=9 * index)
        heartbeat = timestamp(now - timedelta(minutes=host.silent_minutes))
        document = {**host.agent(), "created": timestamp(created), "modified": heartbeat, "heartbeat": heartbeat}
        tags = ["all", host.role, host.place, "production"]
        await store.insert("agents", account=account, id=host.id, document=document, tags=tags)
    for plugin in DATA["plugins"]:
        row = {**plugin, "id": new_id(), "account": account, "content": plugin["content"].encode()}
        tags = row.pop("tags")
        if await store.insert("plugins", **row, interval=30, params="", shell_args="", pack=""):
            await store.insert("links", id=new_id(), account=account, plugin=row["id"], tags=tags)
