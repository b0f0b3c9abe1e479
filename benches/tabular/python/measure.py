"""Runs a command, and prints what it took: seconds of wall and CPU, and the peak of its memory in KiB."""

import json
import os
import subprocess
import sys
import time

start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
wall_s = time.perf_counter() - start
print(
    json.dumps(
        {
            "ok": status == 0,
            "wall_s": wall_s,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_kib": usage.ru_maxrss,
        }
    )
)
