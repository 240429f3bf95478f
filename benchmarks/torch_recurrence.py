"""PyTorch's own recurrent layers, timed on demand: the peer of `benchmarks.recurrence`.

Runs in an environment of its own. Every line of input, `layer batch time features units kind`
with `lstm` or `gru` and `train` or `infer`, is answered by the seconds that one step takes.
"""

import sys
import time
from functools import lru_cache

import torch


@lru_cache
def step(name, batch, time_steps, features, units, kind):
    """Return a function that does one step: forward, and backward to the weights."""
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name](features, units, batch_first=True)
    inputs = torch.randn(batch, time_steps, features)

    def infer():
        with torch.no_grad():
            layer(inputs)

    def train():
        layer.zero_grad()
        layer(inputs)[0].square().sum().backward()

    chosen = train if kind == "train" else infer
    chosen()
    return chosen


def main():
    """Answer line by line, with as many threads as the first argument says."""
    torch.set_num_threads(int(sys.argv[1]))
    for line in sys.stdin:
        name, *sizes, kind = line.split()
        action = step(name, *map(int, sizes), kind)
        started = time.perf_counter()
        action()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
