#!/usr/bin/env bash
# csvkit: csvsort and csvjson rewrite cells, and 10:30 becomes ten minutes and thirty seconds
#
# Expected: sorting rows moves them and leaves the cells alone (types matter for comparing only); and 10:30 in a column of openings is half past ten.
# Seen: csvsort prints what it inferred: 10:30 is 0:10:30, a duration of minutes and seconds; 5% is 5 and $7 is 7; 007 is 7; T is True; May is 0001-05-01
#   and 2h is 2:00:00. csvjson does the same. With --no-inference (-I) the cells stay as they were, and are sorted as text.
# With: csvkit 2.2.0, agate 1.14.2; 2026-11-28.
# Matters: csvkit is at home in pipelines in front of an ingest. Such a file is valid, sorted and different, and nothing on standard error says so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check csvkit==2.2.0 agate==1.14.2
venv/bin/pip list --disable-pip-version-check 2>/dev/null | grep -E '^(csvkit|agate) '
cat > t.csv <<'CSV'
key,opens,share,price,code,flag,month,wait
2,11:30,7%,$9,008,F,June,3h
1,10:30,5%,$7,007,T,May,2h
CSV
venv/bin/csvsort -c key t.csv | tee sorted.csv
diff - sorted.csv <<'CSV'
key,opens,share,price,code,flag,month,wait
1,0:10:30,5,7,7,True,0001-05-01,2:00:00
2,0:11:30,7,9,8,False,0001-06-01,3:00:00
CSV
venv/bin/csvsort -I -c key t.csv | sed -n 2p | tee plain.csv
grep -qxF '1,10:30,5%,$7,007,T,May,2h' plain.csv
