"""The API's families by hand, one module each: what a person or a script does without files."""

from dlsync.cli.families import (
    accounts,
    agents,
    annotations,
    dashboards,
    links,
    metrics,
    plugins,
    rules,
    series,
    tags,
)

FAMILIES = (accounts, agents, annotations, dashboards, links, metrics, plugins, rules, series, tags)
