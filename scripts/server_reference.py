"""Writes docs/server.md from the server's table of operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.server.app import OPERATIONS

if TYPE_CHECKING:
    from dlsync.server.operation import Operation

HEAD = """\
<!-- made by scripts/reference.py -->
# The server

```
dlsync serve --port 8080                  # keep everything in memory
dlsync serve --port 8080 --db data.db     # keep everything in a file
dlsync serve --port 8080 --db postgresql://monitoring@db.example/monitoring
dlsync serve --demo                       # start with sample agents and measurements
dlsync serve --documented-only            # without the observed operations
dlsync serve --metrics-url http://127.0.0.1:9090  # measurements from Prometheus
```

The server prints its URL and answers the operations of the table below under it. Clients send the key of
`DLSYNC_API_KEY` or `--api-key-file`, or a [key of their own](#keys). Without the first it is `changeme`, which the
server accepts only if it listens on this machine.

At its root, the server answers `/healthz`, `/readyz` and `/metrics`: [operating.md](operating.md) describes them, the
access log, and how to run the server for a team.

The table marks an operation as documented if the Dataloop documentation describes it, and as observed if only clients
of the service used it.

## HTTPS

```
dlsync serve --host 0.0.0.0 --port 8443 --tls-cert server.pem --tls-key server.key
```

- `--tls-cert` is the certificate, followed by those between it and its authority. `--tls-key` is its key, which is not
  encrypted.
- Clients take the authorities of their system, or those in the file that `SSL_CERT_FILE` names. The certificate is for
  the host in their URL.
- The server reads both files when it starts. Restart it after the certificate is renewed.

## PostgreSQL

```
pip install 'PATH/TO/CHECKOUT[server,postgresql]'
createdb --encoding UTF8 monitoring
export DLSYNC_DB=postgresql://monitoring:PASSWORD@db.example/monitoring
dlsync serve --port 8080
```

- Pass a URL that holds a password in `DLSYNC_DB`: other users of the machine can see arguments. The server never prints
  the password. `PGPASSWORD`, `~/.pgpass` and the parameters of libpq (`?sslmode=verify-full`) work too.
- The server creates its tables in the schema `dlsync`, and migrates them when it starts. It refuses a schema of another
  program or of a later version. The user needs the right to create the schema, or to own it.
- Several servers can share a database. Each write is a `SERIALIZABLE` transaction, and the server repeats it for up to
  5 seconds if another server changed the same.
- While the database is gone, requests answer 503 with `Retry-After`, and the server reconnects by itself. 502 means
  that the database did not confirm the change, which may be stored or not.
- While the database may only be read (a standby, `default_transaction_read_only`), writes answer 503 with
  `Retry-After`, and reads go on. The server does not start with such a database.
- A name or id of more than about 2,600 bytes is refused with 422.
- Tested with PostgreSQL 15. CockroachDB and YugabyteDB speak the same protocol, but were not tested.

## Keys

```
export DLSYNC_DB=data.db                              # as for the server, which can be running
dlsync serve keys create anna --role admin --expires 90d
dlsync serve keys create ci-plan --role read          # prints the key, once
dlsync serve keys create ci-apply --role write --accounts 'shop-*,default' --expires 2099-12-31
dlsync serve keys list
dlsync serve keys revoke anna
```

| role | allows |
| --- | --- |
| `read` | `GET`: `plan`, `drift`, `export`, `doctor` |
| `write` | also all changes in an account: `apply`, `rollback`, and what agents send (pings, registration, series) |
| `admin` | also creating and deleting accounts |

- A key is for the accounts whose name matches one of its globs, in each organisation, or for all. `accounts list` shows
  these only.
- 401: the message says that the server does not know the key, or that it was revoked or has expired. 403: the message
  names the role that is needed, or the account that the key is not for.
- To replace a key, create a second one under another name, give it to the clients, then revoke the first.
- A revoked key stays in the list, and its name is not used again: the [audit log](#audit-log) names it.
- Servers need no restart. A revoked key works for up to 2 seconds, since a server asks the database that often.
- The database holds the digest of a key, and when it was last used, to the hour. A backup holds the keys of its time:
  after a restore, revoke again what was revoked since.
- The key of `DLSYNC_API_KEY` or `--api-key-file` has the role `admin`. It is not in the list, and `bootstrap` in the
  audit log. To replace it, restart the server with another. Give one at each start: without it, `changeme` may do
  everything, also if the database has keys and a reverse proxy passes requests on.
- `keys` and `audit` need the database: a server in memory has the key of its start only.
- The `agent_keys` of an account are no keys of this server. Agents send a key with the role `write`.

## Audit log

```
dlsync serve audit                                    # with DLSYNC_DB; the last 1,000 changes, the oldest first
dlsync serve audit --account shop-eu --key ci-apply --since 2026-11-01 --limit 50
```

Each line is a change that was made, as JSON in ASCII:

| field | holds |
| --- | --- |
| `time`, `key`, `role`, `address` | when and who: the name of the key, and the address of the connection |
| `operation`, `status` | a method and a path of the [table](#operations), and the answer |
| `org`, `account`, `name`, `id` | what was changed, cut at 200 characters; for an annotation, `name` is the stream |
| `before`, `after` | digests of what the database has of it; empty where it did not exist |
| `run`, `revision` | the run of `apply` or `rollback`, and the commit of its files; empty for other clients |

- The database holds the log, and has an entry if, and only if, it has the change. What was refused or failed has none.
- `after` is `before` of the next change of the same `id`: otherwise something changed outside of the API. A digest
  holds no content, and two databases (`serve copy`) have the same ones.
- To delete an account or a plugin deletes what belongs to it, with one entry. To delete a tag changes links and agents;
  its entry has no digests. Of an agent, digests are of its id and its tags.
- Not in it: what agents send by themselves (pings, registration, the status of series), and `serve keys`.
- The headers `Dlsync-Run` (letters, digits, `.`, `:` and `-`, at most 64) and `Dlsync-Commit` (a hash) of any client
  are taken as they are: they are its word, whereas the key was checked.
- Nothing deletes an entry: [operating.md](operating.md#audit-log) says how an operator does.

## Quotas and full disks

```
dlsync serve --db data.db --max-resources 5000 --max-accounts 20
```

- An account has at most 100,000 dashboards and rules together, and as many plugins, links, agents, annotations and
  annotation streams each. An organisation has at most 10,000 accounts. One more is refused with 507 Insufficient
  Storage and a reason that names the option. A quota refuses no update and no delete.
- `apply` keeps its inventory and its lock as plugins of the account, which count too.
- A dashboard or a rule of more than 2 MiB is refused with 413 Content Too Large. This limit cannot be raised, since the
  server answers no other request while it reads a document.
- While the disk of the database is full, writes are refused with 507, and reads go on. Once there is room, writes go on
  without a restart. `apply` does not repeat a write that was refused with 507. Run the same command again.

## Backup and move

```
dlsync serve backup backup.db --db data.db     # while the server runs
dlsync serve --db backup.db                    # restore: serve the backup, or a copy of it
export DLSYNC_DB=postgresql://monitoring:PASSWORD@db.example/monitoring
dlsync serve copy data.db -                    # stop the server first; - stands for DLSYNC_DB
```

- Do not copy the file of a running server with `cp`: the latest writes are in `data.db-wal`. To put a backup in the
  place of `data.db`, stop the server, and remove `data.db-wal` and `data.db-shm`. Back PostgreSQL up with
  `pg_dump --schema dlsync`.
- `copy` keeps ids and order, and needs a target without content. It writes in one transaction, reads everything again,
  and prints the number of rows and the digest of each table. If a digest differs, it keeps nothing. It migrates the
  source to this version first. It refuses a file that a server still uses; of PostgreSQL it cannot tell. It needs
  memory of about three times the size of the content.

## Names and ids

The path of a rule, a dashboard or a plugin holds its name or its id. If both exist, the name wins. A PUT of an unknown
name creates the resource. With `--documented-only`, a path holds a name.

## Rules as YAML and as JSON

`GET rules/<name>` with `Accept: application/yaml` returns the file as the client sent it. Without this header, it
returns JSON. `Accept` may hold qualities (`q=0.5`). With `--documented-only`, rules and dashboards are always YAML. A
client can send both formats back.

In JSON:

- `id`, `name`, `mute` and `state` belong to the server. A PUT or POST with `mute` mutes or unmutes the rule. A PUT does
  not rename it.
- Each criterion has a complete `condition`. `scopes`, a list of tags and agents, replaces `scope`. `scope` is present
  too if `scopes` cannot express it.
- A PUT of unchanged JSON keeps the YAML file with its comments.

## States of rules

The server computes the state of a criterion on each request, from the measurements of the agents:

| field | holds |
| --- | --- |
| `state` | `hit`, `clear` or `unknown` |
| `sources` | the state of each agent |
| `triggered_by` | the agents whose state is `hit` |
| `triggered_at` | the time |

- The state changes `timeout` seconds after the condition begins or ceases to hold.
- An agent in scope without data for the metric is `unknown`.
- Several agents, metrics or criteria: `hit` wins, then `unknown`, then `clear`. A rule is `triggered` if a criterion is
  `hit`.
- `threshold: false` holds while a status is down: `agent.status` if the agent is not connected, `<plugin>.status` if
  the exit code is 2 or 3.
- `metric` can hold `*`. Without `scope`, a criterion applies to all agents. A name in `scope` that several agents have
  applies to all of them.

## Real measurements

`--metrics-url URL` takes agents, tags, metrics and series from a Prometheus-compatible API (Prometheus,
VictoriaMetrics, Mimir), for the account that `--org` and `--account` name. If the URL holds a user and a password, set
`DLSYNC_METRICS_URL` instead of the option: other users of the machine can read the options of a process.

| here | there |
| --- | --- |
| agents | the values of the label `instance` (`--metrics-agent-label`) of the last hour |
| tags of an agent | `all`, and the values of `job` (`--metrics-tag-labels job,env`) of its `up` or `target_info` |
| an agent is online | `up` or `target_info` is 1 |
| `agent.status` | `up`, the highest of the agent's jobs |
| metrics | all names that the agent measured in the last hour |
| `http_check.latency` | `http_check_latency`; with `--metrics-names utf8`, the same name (Prometheus 3) |
| a series | the series of that name and agent; one for each set of labels, which `origin` shows |
| `resolution` | points are averages of the interval that begins at their time |

- An agent that registers with this server has the measurements of its id or its name, and the tags of both. Agents and
  tags of the metrics server cannot be changed here.
- If two metrics there have one name here, such as `a.b` and `a_b`, the log names them, the list of metrics leaves them
  out, and their series are an error (409).
- In a rule, each set of labels counts for itself: the criterion is `hit` for an agent if it is for one of them. A set
  that ended counts only if the agent has no other.
- When an agent appeared, and when one that is offline was last online, is unknown: `created` is the heartbeat, which
  for an agent that is offline is an hour ago.
- VictoriaMetrics repeats an older value for the last 30 seconds; its option `-search.latencyOffset=1s` ends that.
- The server asks for agents and names every 5 seconds at most, waits 10 seconds for an answer of at most 8 MiB, and
  sends 4 requests at once. It uses no proxy.
- If the metrics server does not answer, or not as documented, series and metrics are an error (503 or 502) that says
  what is wrong, states of rules are `unknown`, the last known agents stay, and all other operations go on.

## Operations

| family | operation | | role |
| --- | --- | --- | --- |
"""


def reference() -> str:
    """Return the page."""
    rows = [_row(operation) for operation in OPERATIONS]
    return HEAD + "".join(sorted(rows))


def _row(operation: Operation) -> str:
    family = operation.handle.__module__.rpartition(".")[2]
    basis = "documented" if operation.documented else "observed"
    return f"| {family} | `{operation.method} {operation.path}` | {basis} | {operation.role} |\n"
