from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from dlsync.server.demo.catalogue import PLUGINS
from dlsync.server.demo.hosts import DATA, HOSTS

AGENTS = [host.agent() for host in HOSTS]


def test_ids_names_and_addresses_of_hosts_are_unique() -> None:
    for field in ("id", "name", "hostname", "mac"):
        assert len({agent[field] for agent in AGENTS}) == len(HOSTS)
    assert len({host.address for host in HOSTS}) == len(HOSTS)


def test_mac_and_ip_addresses_of_hosts_are_valid() -> None:
    for host in HOSTS:
        agent = host.agent()
        assert re.fullmatch(r"02(:[0-9a-f]{2}){5}", str(agent["mac"]))
        assert ip_address(f"10.20.0.{host.address}").is_private


def test_each_role_has_hosts_and_each_plugin_runs_somewhere() -> None:
    assert {host.role for host in HOSTS} == set(DATA["roles"])
    assert {plugin for host in HOSTS for plugin in host.plugins} == set(PLUGINS)


def test_exactly_two_hosts_are_silent() -> None:
    gone = [host.name for host in HOSTS if host.silent_minutes]
    assert gone == ["web-6", "mail-1"]


def test_a_container_names_its_host_and_has_labels() -> None:
    (container,) = [host for host in HOSTS if host.parent]
    agent: dict[str, Any] = container.agent()
    assert agent["parent"] in {host.id for host in HOSTS if host.name == container.parent}
    assert re.fullmatch(r"[0-9a-f]{64}", agent["container_id"])
    assert all(set(label) == {"key", "value"} for label in agent["labels"])
