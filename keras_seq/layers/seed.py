"""Seeds for the parts of what has one seed."""

import numpy as np


def derived_seed(seed, part):
    """Return a seed for the part of this name: the same each time, and another for each part."""
    if seed is None:
        return None
    # The name's bytes as more entropy; what adds small numbers to the seed would meet the seeds of
    # other layers, which users number one after the other.
    entropy = np.random.SeedSequence([seed % 2**32, *part.encode()])
    return int(entropy.generate_state(1)[0] >> 1)


def with_derived_seeds(config, part):
    """Return a configuration, a tree of dictionaries and lists, with all its seeds derived."""
    if isinstance(config, dict):
        return {
            key: derived_seed(value, part)
            if key == "seed" and isinstance(value, int)
            else with_derived_seeds(value, part)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return type(config)(with_derived_seeds(value, part) for value in config)
    return config
