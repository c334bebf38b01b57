"""Generate docs/server.md, with a table of the server's operations."""

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
dlsync serve --documented-only            # offer no observed operations
dlsync serve --metrics-url http://127.0.0.1:9090  # read measurements from Prometheus
```

The server prints its URL, under which it offers the [operations](#operations). Clients send the key in
`DLSYNC_API_KEY` or `--api-key-file`, or a [key of their own](#keys). If you set neither, the key is `changeme`, which
the server accepts only if it listens on a loopback address.

At its root, the server answers `/healthz`, `/readyz` and `/metrics`. [operating.md](operating.md) describes them, the
access log, and how to run the server for a team.

## HTTPS

```
dlsync serve --host 0.0.0.0 --port 8443 --tls-cert server.pem --tls-key server.key
```

- `--tls-cert` is the certificate, followed by its intermediate certificates. `--tls-key` is its key, which must not be
  encrypted.
- Clients trust the authorities of their system, or those in the file that `SSL_CERT_FILE` names. The certificate must
  be for the host in their URL.
- The server reads both files when it starts. Restart it after the certificate is renewed.

## PostgreSQL

```
pip install 'PATH/TO/CHECKOUT[server,postgresql]'
createdb --encoding UTF8 monitoring
export DLSYNC_DB=postgresql://monitoring:PASSWORD@db.example/monitoring
dlsync serve --port 8080
```

- If the URL holds a password, pass it in `DLSYNC_DB`, because other users of the machine can see arguments. The server
  never prints the password. `PGPASSWORD`, `~/.pgpass` and the parameters of libpq (`?sslmode=verify-full`) work too.
- The server creates its tables in the schema `dlsync`, and migrates them when it starts. It refuses a schema of another
  program or of a later version. The user must own the schema, or have the right to create it.
- Several servers can share a database. Each write is a `SERIALIZABLE` transaction, and the server repeats it for up to
  5 seconds after a conflict with another server.
- While the server cannot reach the database, it answers requests with 503 and `Retry-After`, and reconnects by itself.
  502 means that the database did not confirm the change, which may be stored or not.
- While the database is read-only (a standby, `default_transaction_read_only`), the server answers writes with 503 and
  `Retry-After`, and reads continue. It does not start with such a database.
- The server refuses a name or id of more than about 2,600 bytes with 422.
- Tested with PostgreSQL 15. CockroachDB and YugabyteDB speak the same protocol, but were not tested.

## Keys

```
export DLSYNC_DB=data.db                              # the database of the server, which can be running
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

- A key is for the accounts whose names match one of its globs, in each organisation; by default, for all accounts.
  `accounts list` shows only these.
- 401 means that the key is unknown, revoked or expired; the message says which. 403 means that the key does not allow
  the request; the message names the required role, or the account.
- To replace a key, create a second one under another name, give it to the clients, then revoke the first.
- A revoked key stays in the list, and no other key can have its name, because the [audit log](#audit-log) holds it.
- Servers need no restart. They cache keys for 2 seconds, so a revoked key works for up to 2 seconds.
- The database holds only the digest of a key, and the hour of its last use. A backup holds the keys of its time: after
  a restore, revoke again the keys that were revoked since.
- The key in `DLSYNC_API_KEY` or `--api-key-file` has the role `admin`. `keys list` does not show it, and the audit log
  names it `bootstrap`. To replace it, restart the server with another key. Set one at each start: otherwise, the key
  `changeme` allows everything, also if the database has keys, and also through a reverse proxy.
- `keys` and `audit` need a database. A server in memory has only the key of its start.
- The `agent_keys` of an account are not keys of this server. Agents send a key with the role `write`.

## Audit log

```
dlsync serve audit                                    # the last 1,000 changes in DLSYNC_DB, oldest first
dlsync serve audit --account shop-eu --key ci-apply --since 2026-11-01 --limit 50
```

Each line describes a change, as JSON in ASCII:

| field | holds |
| --- | --- |
| `time`, `key`, `role`, `address` | when and who: the name of the key, and the address of the connection |
| `operation`, `status` | a method and a path of the [table](#operations), and the status of the response |
| `org`, `account`, `name`, `id` | the changed resource, at most 200 characters; `name` of an annotation is its stream |
| `before`, `after` | digests of the resource before and after the change; empty if it did not exist |
| `run`, `revision` | the run of `apply` or `rollback`, and the commit of its files; empty for other clients |

- The database stores the log, and writes an entry in the same transaction as the change. A request that is refused or
  fails has no entry.
- `after` of a change equals `before` of the next change of the same `id`; otherwise, something changed the resource
  outside of the API. A digest reveals no content. `serve copy` keeps the digests.
- The deletion of an account or a plugin has a single entry, although it deletes their content and links too. The
  deletion of a tag has an entry without digests. The digests of an agent are of its id and its tags.
- The log does not hold what agents send by themselves (pings, registration, the status of series), nor `serve keys`.
- The server stores the headers `Dlsync-Run` (letters, digits, `.`, `:` and `-`, at most 64) and `Dlsync-Commit` (a
  hash) of any client, and does not verify that they are true. It verifies only the key.
- dlsync never deletes an entry. [operating.md](operating.md#audit-log) describes how an operator can.

## Quotas and full disks

```
dlsync serve --db data.db --max-resources 5000 --max-accounts 20
```

- An account has at most 100,000 dashboards and rules together, and as many plugins, links, agents, annotations and
  annotation streams each. An organisation has at most 10,000 accounts. The server refuses one more with 507
  Insufficient Storage, and the message names the option. Quotas do not affect updates and deletes.
- `apply` stores its inventory and its lock as plugins of the account, which count too.
- The server refuses a dashboard or a rule of more than 2 MiB with 413 Content Too Large. You cannot raise this limit,
  because the server answers no other request while it parses a document.
- While the disk of the database is full, the server refuses writes with 507, and reads continue. Once the disk has free
  space, writes continue without a restart. `apply` does not repeat a write after 507: run the same command again.

## Backup and move

```
dlsync serve backup backup.db --db data.db     # while the server runs
dlsync serve --db backup.db                    # restore: serve the backup, or a copy of it
export DLSYNC_DB=postgresql://monitoring:PASSWORD@db.example/monitoring
dlsync serve copy data.db -                    # move to PostgreSQL: stop the server first; - stands for DLSYNC_DB
```

- Do not copy the file of a running server with `cp`: the latest writes are in `data.db-wal`. To replace `data.db` by a
  backup, stop the server first, and remove `data.db-wal` and `data.db-shm`. Back up PostgreSQL with
  `pg_dump --schema dlsync`.
- `copy` keeps ids and order, and needs a target without content. It first migrates the source to this version. It
  writes in one transaction, reads everything again, and prints the number of rows and the digest of each table. If a
  digest differs, the target stays empty. It needs memory for about three times the content.
- `copy` refuses a file that a server still uses. It cannot detect that a server uses PostgreSQL.

## Names and ids

The path of a rule, a dashboard or a plugin has its name or its id. If both exist, the name wins. A PUT of an unknown
name creates the resource. With `--documented-only`, the path must have the name.

## Rules as YAML and as JSON

`GET rules/<name>` with `Accept: application/yaml` returns the file as the client sent it. Without this header, it
returns JSON. `Accept` can have qualities (`q=0.5`). With `--documented-only`, rules and dashboards are always YAML. The
server accepts both formats in a PUT.

In JSON:

- `id`, `name`, `mute` and `state` are fields of the server. A PUT or POST with `mute` mutes or unmutes the rule. A PUT
  does not rename it.
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
| `triggered_at` | the time when it became `hit` |

- The state changes when the condition was true, or false, for `timeout` seconds.
- An agent in scope without data for the metric is `unknown`.
- Of the states of several agents, metrics or criteria, `hit` wins, then `unknown`, then `clear`. A rule is `triggered`
  if a criterion is `hit`.
- `threshold: false` is true while a status is down: `agent.status` if the agent is not connected, `<plugin>.status` if
  the exit code is 2 or 3.
- `metric` can contain `*`. Without `scope`, a criterion applies to all agents. If several agents have a name in
  `scope`, it applies to all of them.
- `triggered_at` is exact in the last 20 minutes (four timeouts, if that is longer). Further back, the search takes
  longer steps, and can miss a pause that is shorter than two of them: 3 minutes in the last 2.5 hours, 21 minutes in
  the last 21 hours, 3 hours in the last 7 days.

## Real measurements

`--metrics-url URL` reads agents, tags, metrics and series from a Prometheus-compatible API (Prometheus,
VictoriaMetrics, Mimir), for the account of `--org` and `--account`. If the URL holds a user and a password, set
`DLSYNC_METRICS_URL` instead of the option, because other users of the machine can see arguments.

| dlsync | Prometheus |
| --- | --- |
| agents | the values of the label `instance` (`--metrics-agent-label`) in the last hour |
| tags of an agent | `all`, and the values of `job` (`--metrics-tag-labels job,env`) of its `up` or `target_info` |
| an agent is online | `up` or `target_info` is 1 |
| `agent.status` | `up`, the highest of the agent's jobs |
| metrics | all metrics of the agent in the last hour |
| `http_check.latency` | `http_check_latency`; with `--metrics-names utf8`, the same name (Prometheus 3) |
| a series | a series of the metric and agent for each set of other labels, which `origin` shows |
| `resolution` | points are averages over the interval that begins at their time |

- An agent that registers with dlsync has the measurements of the Prometheus agent with its id or name, and the tags of
  both. You cannot change agents and tags of Prometheus in dlsync.
- If two metrics in Prometheus have the same name in dlsync, such as `a.b` and `a_b`, the log names them, the list of
  metrics omits them, and a request for their series is an error (409).
- A rule evaluates each set of labels separately: the criterion is `hit` for an agent if one of them is `hit`. A series
  that ended counts only if the agent has no current one of the metric.
- dlsync does not know when an agent appeared, and when an offline agent was last online. It shows the last heartbeat as
  `created`; an offline agent has its last heartbeat an hour ago.
- VictoriaMetrics repeats an older value for the last 30 seconds; its option `-search.latencyOffset=1s` prevents that.
- dlsync requests agents and names at most every 5 seconds, waits 10 seconds for an answer of at most 8 MiB, and sends 4
  requests at once. It uses no proxy.
- If the metrics server does not answer, or its answer is invalid, requests for series and metrics are an error (503 or
  502) with the reason, and the states of rules are `unknown`. The known agents stay, and other operations continue.

## Operations

The Dataloop documentation describes documented operations. Observed operations are those that other clients of the
service use.

| family | operation | | role |
| --- | --- | --- | --- |
"""


def reference() -> str:
    """Return the page about the server."""
    rows = [_row(operation) for operation in OPERATIONS]
    return HEAD + "".join(sorted(rows))


def _row(operation: Operation) -> str:
    family = operation.handle.__module__.rpartition(".")[2]
    basis = "documented" if operation.documented else "observed"
    return f"| {family} | `{operation.method} {operation.path}` | {basis} | {operation.role} |\n"
