"""Answers like `experiments.stopwatch`, at once, or fails in the way that its argument names."""

import json
import os
import signal
import sys

asked = json.load(sys.stdin)
how = sys.argv[1]
if how == "fails":
    print("a warning\nmodels.gru: out of memory", file=sys.stderr)
    sys.exit(2)
if how == "silent":
    sys.exit(0)
print(json.dumps({"said": f"threads {os.environ['OMP_NUM_THREADS']}"}), flush=True)
if how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if how == "hangs":
    signal.pause()
models = asked["config"]["models"]
answer = {
    "widths": {label: {"units": 7} for label in asked["untimed"]},
    "seconds": {model["label"]: 0.01 * (1 + i) for i, model in enumerate(models)},
    "backend": "none",
    "device": "cpu:0",
    "updates": 33,
    "peak_memory_bytes": 2.0**30,
}
print(json.dumps(answer))
