#!/bin/sh
# Whether last night's backup is there, and no smaller than a backup should be.
#
#     backup_age.sh [DIRECTORY [HOURS [MEGABYTES]]]
#
# Perfdata: age_hours and size_mb of the newest file, and kept, how many there are.
directory="${1:-/srv/backups/postgres}"
oldest="${2:-26}"
smallest="${3:-100}"
[ -d "$directory" ] && [ -r "$directory" ] || { echo "UNKNOWN - cannot look into $directory"; exit 3; }

newest=
kept=0
for file in "$directory"/*; do
  [ -f "$file" ] || continue
  kept=$((kept + 1))
  if [ -z "$newest" ] || [ "$file" -nt "$newest" ]; then newest=$file; fi
done
[ -n "$newest" ] || { echo "CRITICAL - there is no backup in $directory | kept=0"; exit 2; }

# GNU's stat, else BSD's
changed=$(stat -c %Y "$newest" 2>/dev/null || stat -f %m "$newest")
size=$(($(wc -c <"$newest") / 1048576))
age=$((($(date +%s) - changed) / 3600))
state=OK code=0
if [ "$size" -lt "$smallest" ]; then state=WARNING code=1; fi
if [ "$age" -ge "$oldest" ]; then state=CRITICAL code=2; fi
echo "$state - the newest of $kept is $age h old and holds $size MB" \
  "| age_hours=$age;;$oldest size_mb=${size}MB;$smallest: kept=$kept"
exit $code
