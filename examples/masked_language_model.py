"""Pretrain a small BERT on text without labels, then classify with a handful of labels.

    python examples/masked_language_model.py

The text comes with Python: the topics behind `help()`. An encoder first learns to fill in masked
words. Then it learns which of the largest topics a passage is from, from a few labelled passages
of each, once from the pretrained weights and once from fresh ones: same model, passages and steps.

What is measured comes from text that the encoder never saw. Paragraphs that several topics share
are kept once. The rest is cut into blocks, and whole blocks are held out; of these, a passage that
has eight words in a row in common with another split is left out. With `--on validation`, results
are those of other held-out blocks: change the settings there and look at the test blocks last.

Paper: Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding, 2019, arXiv:1810.04805. It masks words as here; its second task, whether sentences
follow each other, is left out.
"""

import argparse
import hashlib
import platform
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL))
WORD = re.compile(r"[^\W\d_]+|\d+|([^\w\s]|_)\1*")  # letters, digits, or a repeated sign
PASSAGE = 24  # words
BLOCK = 200  # words, at least
RUN = 8  # words in a row that no two splits share
SHARES = {"test": 0.2, "validation": 0.1}  # of the blocks; the others are for training
VOCABULARY = 1000  # tokens: nine words in ten
TOPICS = 8  # to tell from each other: those with the most text
BATCH = 64


@dataclass(frozen=True)
class Settings:
    """How much is learned; the defaults were chosen on the validation blocks."""

    pretraining_steps: int = 1800
    pretraining_rate: float = 3e-3
    labelled: int = 8  # passages of each topic
    epochs: int = 20
    batch: int = 16
    rate: float = 3e-3
    seeds: int = 3
    dropout: float = 0.0


QUICK = Settings(pretraining_steps=30, labelled=4, epochs=2, seeds=1)


class Tokenizer:
    """Words as integers: the most frequent have one each, all others share [UNK]."""

    def __init__(self, words, size):
        counts = Counter(words)
        frequent = sorted(counts, key=lambda word: (-counts[word], word))
        self.vocabulary = [*SPECIAL, *frequent[: size - len(SPECIAL)]]
        self._tokens = {word: token for token, word in enumerate(self.vocabulary)}

    def encode(self, words):
        """Return the token of each word."""
        return [self._tokens.get(word, UNK) for word in words]

    def decode(self, tokens):
        """Return the word of each token."""
        return [self.vocabulary[token] for token in tokens]


def split_words(text):
    """Return the words and signs of a text, in small letters."""
    return [match.group() for match in WORD.finditer(text.lower())]


def read_topics():
    """Return the texts behind `help()`, by name."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        print("This Python lacks pydoc_data.topics; use one with all modules.", file=sys.stderr)
        sys.exit(2)
    return dict(sorted(topics.items()))


def cut_blocks(topics):
    """Return pairs of a topic and successive words of it; no paragraph is there twice."""
    seen, blocks = set(), []
    for topic, text in topics.items():
        block = []
        for paragraph in re.split(r"\n\s*\n", text):
            words = tuple(split_words(paragraph))
            if words not in seen:
                seen.add(words)
                block.extend(words)
            if len(block) >= BLOCK:
                blocks.append((topic, block))
                block = []
        if block:
            blocks.append((topic, block))
    return blocks


def split_blocks(blocks, generator):
    """Return the blocks of each split, the same share of each topic."""
    splits = {name: [] for name in (*SHARES, "train")}
    for topic in dict(blocks):
        rest = [block for block in blocks if block[0] == topic]
        generator.shuffle(rest)
        count = len(rest)
        for name, share in SHARES.items():
            held_out = round(share * count)
            splits[name] += rest[:held_out]
            rest = rest[held_out:]
        splits["train"] += rest
    return splits


def runs(words):
    """Return what two splits may not have in common: all `RUN` words in a row."""
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


def cut_passages(blocks, stride=PASSAGE, unlike=()):
    """Return the topics and the words of all passages that have no run in common with `unlike`."""
    others = set().union(*(runs(words) for _, words in unlike))
    return [
        (topic, words[i : i + PASSAGE])
        for topic, words in blocks
        for i in range(0, len(words) - PASSAGE + 1, stride)
        if others.isdisjoint(runs(words[i : i + PASSAGE]))
    ]


def encode(passages, tokenizer):
    """Return the tokens of passages, between [CLS] and [SEP], one in each row."""
    return np.array([[CLS, *tokenizer.encode(words), SEP] for _, words in passages])


def make_encoder(settings):
    """Return a new BERT, smaller than the paper's, with random weights."""
    from keras_seq.models import BertEncoder

    return BertEncoder(
        VOCABULARY,
        num_layers=2,
        num_heads=4,
        hidden_dim=64,
        intermediate_dim=128,
        dropout=settings.dropout,
        max_sequence_length=PASSAGE + 2,
        use_pooler=False,
        initializer_stddev=0.1,  # 0.02 suits a width of 768; a small model starts too slowly
    )


def pretrain(token_ids, held_out, settings, generator):
    """Return an encoder that has learned to fill in masked words, and two accuracies at it.

    The first is its own, on the masked words of `held_out`; the second is that of the most
    frequent word, on the same.
    """
    # Keras takes seconds to import: not before the arguments were read.
    import keras

    from keras_seq.layers import MaskedLMHead
    from keras_seq.models import mask_tokens

    keras.utils.set_random_seed(int(generator.integers(2**32)))
    encoder = make_encoder(settings)
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in ("token_ids", "mask_positions")
    }
    hidden = encoder(inputs["token_ids"])["sequence_output"]
    head = MaskedLMHead(token_embedding=encoder.token_embedding)
    model = keras.Model(inputs, head(hidden, inputs["mask_positions"]))
    steps, rate = settings.pretraining_steps, settings.pretraining_rate
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=rate, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        weighted_metrics=["accuracy"],
    )

    def mask(rows):
        return mask_tokens(rows, VOCABULARY, MASK, generator, special_token_ids=[UNK, CLS, SEP])

    # Drawn first, so that the same words are asked for whatever the number of steps.
    asked, answers, weights = mask(held_out)
    # Masked anew each time that a passage comes up, so that no masks can be learned by heart.
    x, y, sample_weight = mask(generator.choice(token_ids, steps * BATCH))
    model.fit(x, y, sample_weight=sample_weight, batch_size=BATCH, shuffle=False, verbose=0)

    scores = model.evaluate(asked, answers, sample_weight=weights, verbose=0, return_dict=True)
    words = token_ids[token_ids >= len(SPECIAL)]
    baseline = np.mean(answers[weights > 0] == np.bincount(words).argmax())
    return encoder, scores["accuracy"], baseline


def fine_tune(pretrained, train, test, settings, seed):
    """Return the accuracy at telling topics apart, from pretrained weights or (`None`) fresh ones.

    `train` and `test` are tokens and labels. The classifier reads the mean over the passage.
    """
    import keras

    keras.utils.set_random_seed(seed)
    encoder = make_encoder(settings)
    token_ids = keras.Input((None,), dtype="int32")
    mean = keras.layers.GlobalAveragePooling1D()(encoder(token_ids)["sequence_output"])
    model = keras.Model(token_ids, keras.layers.Dense(TOPICS, activation="softmax")(mean))
    if pretrained is not None:
        encoder.set_weights(pretrained.get_weights())
    model.compile(
        keras.optimizers.Adam(settings.rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(*train, batch_size=settings.batch, epochs=settings.epochs, verbose=0)
    return model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]


def draw_few(token_ids, labels, count, generator):
    """Return `count` passages of each label, and their labels."""
    few = [
        generator.choice(np.flatnonzero(labels == label), count, replace=False)
        for label in range(TOPICS)
    ]
    return token_ids[np.concatenate(few)], labels[np.concatenate(few)]


class OneLineParser(argparse.ArgumentParser):
    """Refuses wrong options in one line, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, without the usage before it."""
        self.exit(2, f"{self.prog}: {message}\n")


def seed_number(text):
    """Return a seed as NumPy and Keras take it."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2**32 - 1, got {text!r}")
    return int(text)


def read_arguments(arguments=None):
    """Return the options of the command line."""
    parser = OneLineParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=seed_number, default=0, help="of everything that is drawn")
    parser.add_argument("--on", choices=list(SHARES), default="test", help="where to measure")
    parser.add_argument("--quick", action="store_true", help="too few steps to learn much")
    return parser.parse_args(arguments)


def main():
    """Run the whole comparison."""
    options, start = read_arguments(), time.perf_counter()
    settings = QUICK if options.quick else Settings()
    generator = np.random.default_rng(options.seed)
    topics = read_topics()
    text = "\n".join(topics.values()).encode()
    print(f"text: pydoc_data.topics of Python {platform.python_version()}, {len(text)} bytes")
    print(f"  SHA-256 {hashlib.sha256(text).hexdigest()}")
    blocks = cut_blocks(topics)
    sizes = Counter()
    for topic, words in blocks:
        sizes[topic] += len(words)
    largest = [topic for topic, _ in sizes.most_common(TOPICS)]
    splits = split_blocks(blocks, generator)
    tokenizer = Tokenizer([word for _, words in splits["train"] for word in words], VOCABULARY)
    others = [block for name, split in splits.items() if name != options.on for block in split]
    held_out = cut_passages(splits[options.on], unlike=others)

    windows = encode(cut_passages(splits["train"], stride=1), tokenizer)
    encoder, accuracy, baseline = pretrain(
        windows, encode(held_out, tokenizer), settings, generator
    )
    print(f"masked words of {len(held_out)} held-out passages ({options.on}), accuracy")
    print(f"  most frequent word  {baseline:6.1%}")
    print(f"  pretrained encoder  {accuracy:6.1%}")

    def labelled(passages):
        passages = [(topic, words) for topic, words in passages if topic in largest]
        labels = np.array([largest.index(topic) for topic, _ in passages])
        return encode(passages, tokenizer), labels

    train = labelled(cut_passages(splits["train"]))
    test = labelled(held_out)
    print(f"topics: {', '.join(largest)}")
    print(f"which of these {len(test[1])} held-out passages are from, accuracy")
    print(f"  most frequent topic {np.bincount(test[1]).max() / len(test[1]):6.1%}")
    accuracies = {"fresh weights": [], "pretrained weights": []}
    for seed in generator.integers(2**32, size=settings.seeds).tolist():
        few = draw_few(*train, settings.labelled, np.random.default_rng(seed))
        for name, pretrained in zip(accuracies, (None, encoder), strict=True):
            accuracies[name].append(fine_tune(pretrained, few, test, settings, seed))
    for name, each in accuracies.items():
        every = ", ".join(f"{accuracy:.1%}" for accuracy in each)
        print(f"  {name:<19} {np.mean(each):6.1%}  ({every})")
    print(f"{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
