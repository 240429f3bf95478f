"""Translation of dates with attention: "Saturday, May 3rd, 1997" becomes "1997-05-03".

People write a date in many ways, ISO 8601 in one. A recurrent network reads what a person wrote,
character by character and in both directions; a second one writes the ISO date. Before each
character that it writes, attention weighs the characters that were read. No one tells it where to
look: it finds out in training, and a heat map in the terminal shows what it found.

    pip install "keras-seq[app,tensorflow]"
    python examples/date_translation.py

The model and the heat map are those of Bahdanau, Cho and Bengio, Neural machine translation by
jointly learning to align and translate, ICLR 2015, arXiv:1409.0473 (section 3 and figure 3).
"""

import argparse
import calendar
import string
from typing import NoReturn

import numpy as np
from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.progress import Progress
from rich.style import Style
from rich.table import Table
from rich.text import Text

# The token of a character is its place here: "_" is padding, "^" starts a text and "$" ends it.
CHARACTERS = np.array([*"_^$ ,-./", *string.digits, *string.ascii_letters])
START, END = 1, 2
TOKENS = np.zeros(128, "int32")
TOKENS[[ord(character) for character in CHARACTERS]] = np.arange(len(CHARACTERS))
SOURCE_LENGTH, TARGET_LENGTH = len("Wednesday, September 30th, 1998"), len("1998-09-30$")

# The hundred years that their last two digits tell apart, as POSIX reads them.
DAYS = np.arange("1969-01-01", "2069-01-01", dtype="datetime64[D]")
HELD_OUT, SHOWN = 1000, 8
ENDINGS = {1: "st", 21: "st", 31: "st", 2: "nd", 22: "nd", 3: "rd", 23: "rd"}

STEPS, QUICK_STEPS, STEPS_BETWEEN_REPORTS, BATCH_SIZE = 500, 20, 50, 64
UNITS, EMBEDDING_DIM, LEARNING_RATE = 64, 32, 0.01

SHADES = " ░▒▓█"
DARK, BRIGHT = ColorTriplet(24, 24, 48), ColorTriplet(255, 220, 110)
MANY_COLOURS = ("256", "truecolor")


def write_by_hand(days: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Write each day in one of many ways, so that no text can mean two days.

    Where the month is a number, it stands first before slashes and second between dots.
    """

    def words(names, numbers):
        # As objects, because arrays of these are joined by `+`.
        return np.array(list(names), object)[numbers]

    def one_of(*ways):
        return np.choose(rng.integers(len(ways), size=len(days)), ways)

    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]").astype(str)
    day_number = (days - months).astype(int) + 1
    month_number = months.astype(int) % 12 + 1
    weekday_number = (days.astype(int) + 3) % 7  # Day 0, in 1970, was a Thursday; Monday is 0.

    day = words([str(n) for n in range(32)], day_number)
    month = words([str(n) for n in range(13)], month_number)
    ordinal = words([f"{n}{ENDINGS.get(n, 'th')}" for n in range(32)], day_number)
    day_name = one_of(day, ordinal)
    month_name = one_of(
        words(calendar.month_name, month_number), words(calendar.month_abbr, month_number)
    )
    weekday_name = words(calendar.day_name, weekday_number) + ", "
    weekday = one_of("", weekday_name, words(calendar.day_abbr, weekday_number) + " ")
    year = one_of(years.astype(object), words([year[2:] for year in years], slice(None)))
    text = one_of(
        weekday + day_name + " " + month_name + " " + year,
        weekday + month_name + " " + day_name + ", " + year,
        day + "-" + month_name + "-" + year,
        day + "." + month + "." + year,
        month + "/" + day + "/" + year,
    ).astype(str)
    return one_of(text, text, np.strings.lower(text), np.strings.upper(text))


def encode(texts: np.ndarray, length: int) -> np.ndarray:
    """Return the tokens of texts, of shape `(texts, length)`."""
    # NumPy keeps the characters of a text as numbers, with zeros behind the last.
    return TOKENS[texts.astype(f"U{length}").view("uint32").reshape(-1, length)]


def decode(tokens: np.ndarray) -> list[str]:
    """Return the texts of tokens, each up to its end."""
    return ["".join(row).partition(CHARACTERS[END])[0] for row in CHARACTERS[tokens]]


def train(days: np.ndarray, steps: int, rng: np.random.Generator, console: Console):
    """Return a model that has learned from handwritten days, new ones at every step."""
    # Keras brings its backend, which takes seconds; what needs none of it does not wait for it.
    import keras

    from keras_seq.layers import GRU, Attention, AttentionRNN, Bidirectional, GRUCell
    from keras_seq.models import Seq2Seq, shift_right

    keras.utils.set_random_seed(int(rng.integers(2**32)))
    model = Seq2Seq(
        encoder=Bidirectional(GRU(UNITS, return_sequences=True, return_state=True)),
        decoder=AttentionRNN(
            GRUCell(UNITS), Attention("additive", units=UNITS), attention_units=UNITS
        ),
        source_vocabulary_size=len(CHARACTERS),
        target_vocabulary_size=len(CHARACTERS),
        embedding_dim=EMBEDDING_DIM,
        start_token=START,
        end_token=END,
    )
    learning_rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, decay_steps=steps)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    with Progress(console=console) as progress:
        task = progress.add_task("Training", total=steps)
        for done in range(0, steps, STEPS_BETWEEN_REPORTS):
            count = min(STEPS_BETWEEN_REPORTS, steps - done)
            chosen = rng.choice(days, count * BATCH_SIZE)
            source = encode(write_by_hand(chosen, rng), SOURCE_LENGTH)
            targets = encode(np.strings.add(chosen.astype(str), CHARACTERS[END]), TARGET_LENGTH)
            inputs = [source, shift_right(targets, START)]
            history = model.fit(inputs, targets, batch_size=BATCH_SIZE, verbose=0).history
            description = f"Training, loss {history['loss'][0]:.4f}"
            progress.update(task, advance=count, description=description)
    return model


def heat_map(weights: np.ndarray, across: str, down: str, *, width: int, colour: bool) -> Text:
    """Draw attention weights, `(len(down), len(across))`, between the characters of two texts.

    With colours, the larger a weight is, the brighter is its cell; without them, it has the nearest
    of five shades. Cells are two columns wide where the width allows it.
    """
    cell = 2 if 2 * (len(across) + 1) <= width else 1
    text = Text("".join(character.ljust(cell) for character in " " + across), no_wrap=True)
    for character, row in zip(down, weights, strict=True):
        text.append("\n" + character.ljust(cell))
        for weight in row:
            if colour:
                shade = Color.from_triplet(blend_rgb(DARK, BRIGHT, float(weight)))
                text.append(" " * cell, Style(bgcolor=shade))
            else:
                text.append(SHADES[round(float(weight) * (len(SHADES) - 1))] * cell)
    return text


def main() -> None:
    """Train, translate dates that were held out, and show where the model looked."""
    options = read_options()
    console = Console(highlight=False)
    rng = np.random.default_rng(options.seed)
    days = rng.permutation(DAYS)
    held_out, texts = days[:HELD_OUT], write_by_hand(days[:HELD_OUT], rng)

    model = train(days[HELD_OUT:], options.steps, rng, console)
    tokens, weights = model.generate(
        encode(texts, SOURCE_LENGTH), max_length=TARGET_LENGTH, return_attention_scores=True
    )
    written, truth = decode(tokens), held_out.astype(str)
    exact = np.mean(np.array(written) == truth)
    console.print(f"Exact match on {HELD_OUT} dates never seen in training: {exact:.1%}\n")

    table = Table("a person writes", "the model writes", "", box=None)
    for i in range(SHOWN):
        table.add_row(texts[i], written[i], "" if written[i] == truth[i] else f"✗ {truth[i]}")
    console.print(table)

    console.print("\nWhere the model looks (across) before each character that it writes (down):")
    colour = console.color_system in MANY_COLOURS and not console.no_color
    longest, shortest = (pick(range(HELD_OUT), key=lambda i: len(texts[i])) for pick in (max, min))
    for i in (longest, shortest):
        shown = weights[i, : len(written[i]), : len(texts[i])]
        console.print()
        console.print(heat_map(shown, texts[i], written[i], width=console.width, colour=colour))


def read_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = OneLineParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="of all chance (default: 0)")
    length = parser.add_mutually_exclusive_group()
    steps_help = f"of training, with {BATCH_SIZE} dates each (default: {STEPS})"
    length.add_argument("--steps", type=int, default=STEPS, help=steps_help)
    quick_help = f"{QUICK_STEPS} steps, which show how it runs, but teach the model nothing"
    length.add_argument(
        "--quick", action="store_const", dest="steps", const=QUICK_STEPS, help=quick_help
    )
    options = parser.parse_args()
    for name, least in (("seed", 0), ("steps", 1)):
        if (number := getattr(options, name)) < least:
            parser.error(f"argument --{name}: must be {least} or more, not {number}")
    return options


class OneLineParser(argparse.ArgumentParser):
    """Refuses wrong options in one line, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, without the usage before it."""
        self.exit(2, f"{self.prog}: {message}\n")


if __name__ == "__main__":
    main()
