#!/usr/bin/env bash
# Powertools for AWS Lambda (Python): one NaN makes the line of all metrics invalid JSON, and a second unit renames the first
#
# Expected: a metric that cannot be told is refused when it is added, as aws-embedded-metrics does for NaN, and as Powertools for TypeScript does for
#   a name that comes with two units, or that is a dimension as well.
# Seen: add_metric takes NaN and flushes `"rate":[NaN]`, which is no JSON, so that a strict parser rejects the line, with all other metrics in it.
#   rows in Count and then in Bytes is one metric in Bytes with both values. A dimension called as a metric loses its value to the metric's. No warning.
# With: aws-lambda-powertools 3.37.0, aws-embedded-metrics 3.5.0 (Python), @aws-lambda-powertools/metrics 2.36.0 (npm); node 20; 2026-11-29.
# Matters: a rate is NaN for the first empty upload (0 / 0), and just that run then has no metrics at all. Test values with math.isfinite before
#   adding.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @aws-lambda-powertools/metrics@2.36.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aws-lambda-powertools==3.37.0 aws-embedded-metrics==3.5.0
cat > metrics.mjs <<'JS'
import assert from 'node:assert/strict';
import { Metrics } from '@aws-lambda-powertools/metrics';
const attempt = (action) => () => { const metrics = new Metrics({ namespace: 'n', serviceName: 's' }); action(metrics); metrics.publishStoredMetrics(); };
assert.throws(attempt((m) => { m.addMetric('rows', 'Count', 1); m.addMetric('rows', 'Bytes', 2); }), /already been added with unit/);
assert.throws(attempt((m) => { m.addMetric('rows', 'Count', 1); m.addDimension('rows', 'x'); }), /collision/);
console.log('TypeScript refuses two units and two meanings');
JS
node metrics.mjs
venv/bin/python -W ignore - <<'PY'
import contextlib, io, json
from importlib.metadata import version
from aws_embedded_metrics.exceptions import InvalidMetricError
from aws_embedded_metrics.logger.metrics_context import MetricsContext
from aws_lambda_powertools import Metrics
print(*(f"{p} {version(p)}" for p in ("aws-lambda-powertools", "aws-embedded-metrics")))
def flush(action):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        metrics = Metrics(namespace="n", service="s")
        metrics.clear_metrics()
        action(metrics)
        metrics.flush_metrics()
    print(output.getvalue().strip())
    return output.getvalue()
def refuse(name):
    raise ValueError(f"{name} is no JSON")
line = flush(lambda m: (m.add_metric("rate", "Count", float("nan")), m.add_metric("rows", "Count", 0)))
try:
    raise SystemExit(f"the line is JSON now: {json.loads(line, parse_constant=refuse)}")
except ValueError as error:
    print(error)
line = json.loads(flush(lambda m: (m.add_metric("rows", "Count", 1), m.add_metric("rows", "Bytes", 2))))
assert line["rows"] == [1, 2] and line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "rows", "Unit": "Bytes"}]
line = json.loads(flush(lambda m: (m.add_metric("rows", "Count", 1), m.add_dimension("rows", "x"))))
assert line["rows"] == [1] and "rows" in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]
try:
    MetricsContext.empty().put_metric("rate", float("nan"), "Count")
    raise SystemExit("aws-embedded-metrics takes NaN now")
except InvalidMetricError as error:
    print("aws-embedded-metrics:", error)
PY
