"""Parts of a layer that are quantized, in files."""


class QuantizedParts:
    """What a layer has whose parts may be quantized: a file says which of them are.

    `Model.quantize` changes the parts alone. A layer that said nothing of it would be read from a
    file with parts of floats, which cannot load integers.
    """

    def get_build_config(self):
        """Return the shapes that the layer was built for, and the modes of quantized parts."""
        config = super().get_build_config()
        modes = {
            name: part.quantization_mode
            for name, part in _parts(self, self.path)
            if part.quantization_mode is not None
        }
        return {**config, "quantized_parts": modes} if config and modes else config

    def build_from_config(self, config):
        """Build the layer, and quantize what was: the integers come with the weights."""
        # A model would keep the modes among its shapes.
        config = dict(config or {})
        modes = config.pop("quantized_parts", {})
        super().build_from_config(config)
        for name, part in _parts(self, self.path):
            # Some parts have a configuration of their own, which has said so already.
            if name in modes and part.quantization_mode is None:
                part.quantize(modes[name])


def _parts(layer, path):
    """Return the parts of a layer, and theirs, each with its path inside of the layer."""
    found = []
    # Keras has no public name for the parts of a layer.
    for part in layer._layers:
        if part.path is not None:
            found.append((part.path.removeprefix(f"{path}/"), part))
        found += _parts(part, path)
    return found
