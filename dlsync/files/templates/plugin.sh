#!/bin/sh
# A plugin works as one of Nagios: it prints a line of text, then | and label=value pairs, which become the metrics
# <plugin>.<label>. Its exit code (0 ok, 1 warning, 2 critical, 3 unknown) becomes <plugin>.status.
#
# This plugin prints the load of the last minute, divided by the number of processor cores.
load=$(LC_ALL=C uptime | sed 's/.*load averages\{0,1\}: *\([0-9.]*\).*/\1/')
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
per_core=$(awk -v load="$load" -v cores="$cores" 'BEGIN { if (load == "") exit 1; printf "%.2f", load / cores }') || {
  echo "UNKNOWN - uptime tells no load"
  exit 3
}

state=OK code=0
if awk -v value="$per_core" 'BEGIN { exit !(value > 2) }'; then state=WARNING code=1; fi
if awk -v value="$per_core" 'BEGIN { exit !(value > 4) }'; then state=CRITICAL code=2; fi
echo "$state - $per_core a core on $cores cores | per_core=$per_core;2;4;0 cores=$cores"
exit $code
