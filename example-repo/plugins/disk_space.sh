#!/bin/sh
# How full the disks are.
#
#     disk_space.sh [MOUNT...]
#
# Perfdata: used_pct and inodes_pct, of the fullest mount (%), and free_gb, of the mount with the least left.
warning=80
critical=92
[ $# -gt 0 ] || set -- /

# highest FIELD of df's table over all mounts; `-` (file systems without inodes) counts as 0
highest() {
  awk -v field="$1" 'NR > 1 { value = $field; gsub(/[%-]/, "", value); if (value + 0 > most) most = value + 0 }
                     END { print most + 0 }'
}

space=$(df -P -k "$@" 2>/dev/null) || { echo "UNKNOWN - no such mount among: $*"; exit 3; }
used=$(printf '%s\n' "$space" | highest 5)
inodes=$(df -P -i "$@" 2>/dev/null | highest 5)
free=$(printf '%s\n' "$space" | awk 'NR == 2 || (NR > 2 && $4 < least) { least = $4 } END { printf "%.1f", least / 1048576 }')

worst=$used
[ "$inodes" -le "$worst" ] || worst=$inodes
state=OK code=0
if [ "$worst" -ge $warning ]; then state=WARNING code=1; fi
if [ "$worst" -ge $critical ]; then state=CRITICAL code=2; fi
echo "$state - the fullest of $# is at $used % ($inodes % of its inodes)" \
  "| used_pct=$used%;$warning;$critical;0;100 inodes_pct=$inodes%;$warning;$critical;0;100 free_gb=${free}GB"
exit $code
