"""What a person would write without this project: build each model, `model.fit`, evaluate.

`python -m benchmarks.bare_fit FOLDER...` trains the trials of those folders one after another in
this process, on the same batches, and prints nothing. The peer of the runner's benchmarks.
"""

import sys
from pathlib import Path

import numpy as np

from experiments.store import TrialFolder
from experiments.tasks.task import Classes


def main() -> None:
    """Train every trial named on the command line."""
    import keras

    for argument in sys.argv[1:]:
        config = TrialFolder(Path(argument)).read_config()
        task, budget = config.task.task, config.budget
        keras.utils.set_random_seed(config.seed)
        model = config.model.model.build(task)
        loss = (
            keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            if isinstance(task.target, Classes)
            else "mse"
        )
        optimizer = keras.optimizers.Adam(budget.learning_rate, global_clipnorm=budget.clip_norm)
        model.compile(optimizer=optimizer, loss=loss)
        batches = [
            task.train_batch(config.seed, index, budget.batch_size) for index in range(budget.steps)
        ]
        inputs = np.concatenate([batch.inputs for batch in batches])
        targets = np.concatenate([batch.targets for batch in batches])
        validation = task.evaluation_set("validation", config.seed)
        test = task.evaluation_set("test", config.seed)
        model.fit(
            inputs,
            targets,
            batch_size=budget.batch_size,
            shuffle=False,
            validation_data=tuple(validation),
            validation_batch_size=256,
            verbose=0,
        )
        model.evaluate(*test, batch_size=256, verbose=0)


if __name__ == "__main__":
    main()
