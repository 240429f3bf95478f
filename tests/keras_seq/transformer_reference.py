"""Blocks of a Transformer in NumPy, and the weights of those of PyTorch."""

import math

import numpy as np
from test_multi_head_attention import reference as attention

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def randomized(layer, seed=1):
    """Give a built layer random weights and return them in float64, by part and name."""
    random = np.random.default_rng(seed)
    found = {}
    for weight in layer.trainable_weights:
        value = random.normal(size=weight.shape).astype("float32")
        weight.assign(value)
        part, name = weight.path.split("/", 2)[1:]
        found.setdefault(part, {})[name] = value.astype("float64")
    return found


def block(layer, weights, x, self_mask, use_causal_mask, memory=None, cross_mask=None):
    """Return the output of a block, and the scores of self- and perhaps of cross-attention."""
    all_scores = []

    def add(x, part, norm):
        if layer.normalize_first:
            return x + part(normalized(layer, norm, x))
        return normalized(layer, norm, x + part(x))

    def attend(part, memory, mask, is_causal):
        def attended(x):
            value = x if memory is None else memory
            bias = np.zeros((len(x), layer.num_heads, x.shape[1], value.shape[1]))
            heads = getattr(layer, f"_{part}_layer")
            output, scores = attention(
                heads, weights[f"{part}_layer"], x, value, mask, bias, is_causal
            )
            all_scores.append(scores)
            return output

        return attended

    x = x.astype("float64")
    x = add(
        x,
        attend("self_attention", None, self_mask, use_causal_mask),
        weights["self_attention_layer_norm"],
    )
    if memory is not None:
        x = add(
            x,
            attend("cross_attention", memory.astype("float64"), cross_mask, False),
            weights["cross_attention_layer_norm"],
        )
    x = add(x, lambda x: feed_forward(layer, weights, x), weights["feedforward_layer_norm"])
    return x, *all_scores


def normalized(layer, weights, x):
    """Normalize the last axis."""
    if layer.normalization == "layer":
        x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x**2).mean(-1, keepdims=True) + layer.layer_norm_epsilon)
    if layer.normalization == "layer":
        return x * weights["gamma"] + weights["beta"]
    return x * weights["scale"]


def feed_forward(layer, weights, x):
    """Run the feed-forward network."""

    def dense(name, x):
        kernel = weights[f"feedforward_{name}_dense"]["kernel"]
        return x @ kernel + weights[f"feedforward_{name}_dense"].get("bias", 0.0)

    hidden = ACTIVATIONS[layer.activation.__name__](dense("intermediate", x))
    if layer.gated_feedforward:
        hidden = hidden * dense("gate", x)
    return dense("output", hidden)


def attention_weights_of_torch(module, num_heads):
    """Return the weights of `torch.nn.MultiheadAttention` in our order and shapes."""
    arrays = {name: tensor.detach().numpy() for name, tensor in module.named_parameters()}
    width = arrays["out_proj.bias"].size
    found = []
    for kernel, bias in zip(
        np.split(arrays["in_proj_weight"], 3), np.split(arrays["in_proj_bias"], 3), strict=True
    ):
        found += [kernel.T.reshape(width, num_heads, -1), bias.reshape(num_heads, -1)]
    output = arrays["out_proj.weight"].T.reshape(num_heads, -1, width)
    return [*found, output, arrays["out_proj.bias"]]


def weights_of_torch(module):
    """Return the weights of `torch.nn.Linear` or `LayerNorm` in our order and shapes."""
    return [module.weight.detach().numpy().T, module.bias.detach().numpy()]


def random_torch(module, seed=0):
    """Give a module of PyTorch random weights, biases too."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    return module
