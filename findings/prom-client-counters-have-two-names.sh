#!/usr/bin/env bash
# prom-client: a counter is called one thing in the text format and another in OpenMetrics, and a third party renames the first as well
#
# Expected: a counter named "uploads" is exposed as uploads in the classic text format (which has no rule about suffixes), and a client that is asked for
#   OpenMetrics warns about, or refuses, a name without _total. What a parser reads is what the page says.
# Seen: with the OpenMetrics content type prom-client writes uploads_total, with the classic one uploads. So the series' name depends on the content type.
#   The parser of Python's client renames the classic sample `uploads` to uploads_total while it reads it, which hides the difference from a test.
# With: prom-client 15.1.3, prometheus-client 0.26.0 (Python); 2026-11-28.
# Matters: an alert on rate(uploads[5m]) goes silent on the day the exposition is switched to OpenMetrics, and a check that compares both pages with
#   Python's parser finds them equal. Name counters ..._total from the start.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prometheus-client==0.26.0
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . prom-client@15.1.3
cat > write.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import client from 'prom-client';
for (const [file, type] of [['classic.txt', client.Registry.PROMETHEUS_CONTENT_TYPE], ['open.txt', client.Registry.OPENMETRICS_CONTENT_TYPE]]) {
  const registry = new client.Registry();
  registry.setContentType(type);
  new client.Counter({ name: 'uploads', help: 'Uploads.', registers: [registry] }).inc(3);
  writeFileSync(file, await registry.metrics());
}
JS
node write.mjs
venv/bin/python - <<'PY'
from importlib.metadata import version
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_classic
print("prom-client 15.1.3, prometheus-client", version("prometheus-client"))
seen = {}
for name, read in (("classic", read_classic), ("open", read_open)):
    text = open(name + ".txt").read()
    line = [line for line in text.splitlines() if line.startswith("uploads")]
    samples = [sample.name for family in read(text) for sample in family.samples]
    seen[name] = (line, samples)
    print(name, *seen[name])
assert seen["classic"] == (["uploads 3"], ["uploads_total"])
assert seen["open"] == (["uploads_total 3"], ["uploads_total"])
PY
