#!/bin/sh
# How the shop's database does, asked with psql as the user that the agent runs as (peer authentication).
#
#     postgres.sh [DATABASE]
#
# Perfdata: connections, connections_pct (% of max_connections), longest_query (s), size_mb, replica_lag (s; 0 on the
# primary).
database="${1:-shop}"
command -v psql >/dev/null 2>&1 || { echo "UNKNOWN - there is no psql on this host"; exit 3; }

answer=$(PGCONNECT_TIMEOUT=5 psql --no-psqlrc --no-password --tuples-only --no-align --field-separator=' ' \
  --dbname="$database" --command="
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           current_setting('max_connections'),
           (SELECT coalesce(round(extract(epoch FROM max(now() - query_start))), 0)
              FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()),
           pg_database_size(current_database()) / 1048576,
           CASE WHEN pg_is_in_recovery()
                THEN coalesce(round(extract(epoch FROM now() - pg_last_xact_replay_timestamp())), 0) ELSE 0 END" 2>&1) || {
  echo "CRITICAL - $database does not answer: $(printf '%s' "$answer" | head -n 1 | tr '|' ' ')"
  exit 2
}

read -r connections limit longest size lag <<ANSWER
$answer
ANSWER
case "$connections$limit$longest$size$lag" in
  '' | *[!0-9]*) echo "UNKNOWN - psql answered something else than five numbers"; exit 3 ;;
esac

percent=$((100 * connections / limit))
state=OK code=0
if [ "$percent" -ge 80 ] || [ "$lag" -ge 60 ]; then state=WARNING code=1; fi
if [ "$percent" -ge 95 ] || [ "$lag" -ge 600 ]; then state=CRITICAL code=2; fi
echo "$state - $connections of $limit connections, the replica is $lag s behind" \
  "| connections=$connections connections_pct=$percent%;80;95 longest_query=${longest}s size_mb=${size}MB replica_lag=${lag}s;60;600"
exit $code
