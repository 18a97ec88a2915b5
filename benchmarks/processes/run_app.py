"""Run a CDK app like ``python app.py``, and print the peak memory."""

import json
import runpy
import sys

from benchmarks.processes.peak_memory import peak_kilobytes

if __name__ == "__main__":
    runpy.run_path(sys.argv[1], run_name="__main__")
    print(json.dumps(peak_kilobytes()))
