"""Kernels that are adapted after training: updates of low rank, and 8-bit integers."""

from numbers import Integral

import keras
from keras import initializers, ops

from keras_seq.ops.arguments import plain

# The kernels of a cell, and how the names of their arguments begin.
KERNELS = {"kernel": "kernel", "recurrent_kernel": "recurrent"}
SCALES = [f"{name}_scale" for name in KERNELS]
FACTORS = [f"lora_{name}_{factor}" for name in KERNELS for factor in "ab"]


class KernelAdaptation:
    """What a cell has so that its two kernels can be adapted.

    The kernel `W` that the equations use is, column by column,

        W = q / s + (alpha / rank) A B

    where `q` is what the cell stores, of integers with the scale `s` of a column once it is
    quantized, else of floats with `s = 1`; and `A B` is an update of low rank once it is enabled
    (LoRA). A cell makes its kernels with `add_kernel` and reads its weights with `tensors`.

    A cell that is built with a quantized dtype policy, such as `"int8_from_float32"`, starts with
    kernels of zero, as `keras.layers.Dense` does: it is there to load the weights of one that was
    quantized.

    References:
        - Hu et al., LoRA: low-rank adaptation of large language models, arXiv:2106.09685.
    """

    lora_enabled = False
    lora_kernel_a = None
    lora_kernel_b = None
    lora_recurrent_kernel_a = None
    lora_recurrent_kernel_b = None
    kernel_scale = None
    recurrent_kernel_scale = None
    # Keras reads it, so as not to quantize twice.
    _is_quantized = False

    def add_kernel(self, name, shape):
        """Create a kernel: of floats, or of integers if the dtype policy is quantized."""
        if self.quantization_mode is not None:
            self._check_mode(self.quantization_mode)
            self._add_quantized_kernel(name, shape)
            return
        argument = KERNELS[name]
        kernel = self.add_weight(
            shape=shape,
            name=name,
            initializer=getattr(self, f"{argument}_initializer"),
            regularizer=getattr(self, f"{argument}_regularizer"),
            constraint=getattr(self, f"{argument}_constraint"),
        )
        setattr(self, name, kernel)

    def tensors(self):
        """Return tensors of the weights by their names, of the kernels as the equations use them.

        They depend on the weights alone: a loop over steps needs them once.
        """
        return {
            **{name: self._adapted(name, self.compute_dtype) for name in KERNELS},
            **{weight.name: ops.convert_to_tensor(weight) for weight in self._others()},
        }

    def enable_lora(self, rank, lora_alpha=None, a_initializer="he_uniform", b_initializer="zeros"):
        """Freeze both kernels and train an update of low rank instead of each (LoRA).

        The other weights remain trainable. A file holds the kernels with their updates, so that
        any layer of the same shape loads it; a layer with updates that loads a file starts from
        updates of zero. Compile the model afterwards.

        Args:
            rank: Positive integer, the rank of the updates.
            lora_alpha: Number, the updates are multiplied by `lora_alpha / rank`.
                Defaults to `None`, the rank itself.
            a_initializer: Initializer of the first factors, of shape `(rows, rank)`.
                Defaults to `"he_uniform"`.
            b_initializer: Initializer of the second factors, of shape `(rank, columns)`.
                Defaults to `"zeros"`: the output is the same as before.

        Raises:
            ValueError: When `rank` is not a positive integer, the kernels have constraints, the
                layer is not built, or the updates are there already.
        """
        check_rank("rank", rank)
        constrained = [
            f"{argument}_constraint"
            for argument in KERNELS.values()
            if getattr(self, f"{argument}_constraint") is not None
        ]
        if constrained:
            raise ValueError(
                "A constraint would hold for the kernels without their updates. Make the layer "
                f"without it to enable LoRA. Received: {constrained[0]}="
                f"{getattr(self, constrained[0])}"
            )
        if not self.built:
            raise ValueError(
                "LoRA needs the kernels: build the layer, for example by a call, before enabling "
                f"it. Received: built=False in the layer {self.name!r}"
            )
        if self.lora_enabled:
            raise ValueError(
                "LoRA can be enabled once per layer. "
                f"Received: a layer with updates of rank {self.lora_rank} and rank={rank}"
            )
        initial_a, initial_b = map(initializers.get, (a_initializer, b_initializer))
        self.lora_rank = plain(rank)
        self.lora_alpha = plain(rank if lora_alpha is None else lora_alpha)
        # Keras locks a layer that is built, and has no public way to give it more weights.
        self._tracker.unlock()
        for name in KERNELS:
            rows, columns = getattr(self, name).shape
            self._add_factor(name, "a", (rows, rank), initial_a)
            self._add_factor(name, "b", (rank, columns), initial_b)
        self._tracker.lock()
        self.lora_enabled = True
        self._freeze_kernels()

    def quantize(self, mode=None, type_check=True, config=None):
        """Store both kernels as 8-bit integers, each column with a scale of its own.

        This is what `Model.quantize` calls. Only what is stored becomes smaller: the sequences,
        the state and the products keep the dtype that they had. The kernels can no longer be
        trained; updates of low rank can, enabled before or after.

        Args:
            mode: `"int8"`.
            type_check: Not used; Keras passes it. Defaults to `True`.
            config: Optional `keras.quantizers.Int8QuantizationConfig`, of which only the
                quantizer of weights is used. Defaults to `None`.

        Raises:
            NotImplementedError: When `mode` is another mode of Keras; `Model.quantize` then warns
                and leaves this layer as it is.
            ValueError: When the layer is not built or is quantized already.
        """
        self._check_mode(mode)
        policy = self.dtype_policy
        if policy.quantization_mode is None:
            # Made before anything changes: there are policies from which it cannot be made.
            policy = keras.dtype_policies.get(f"{mode}_from_{policy.name}")
        quantizer = config and config.weight_quantizer
        for name in KERNELS:
            values, scale = _quantized(getattr(self, name), quantizer)
            delattr(self, name)
            self._add_quantized_kernel(name, values.shape)
            getattr(self, name).assign(values)
            getattr(self, f"{name}_scale").assign(scale)
        self.dtype_policy = policy

    def quantized_call(self, *args, **kwargs):
        """Do what `call` does, which reads quantized kernels too."""
        return self.call(*args, **kwargs)

    @property
    def trainable(self):
        """Whether the layer is trained; kernels with updates of low rank stay frozen."""
        return super().trainable

    @trainable.setter
    def trainable(self, value):
        keras.layers.Layer.trainable.fset(self, value)
        if self.lora_enabled:
            self._freeze_kernels()

    def save_own_variables(self, store):
        """Save the weights in the order of their creation, kernels with their updates."""
        if not self.built:
            return
        values = {weight.name: weight for weight in self._weights_of_file()}
        if self.lora_enabled:
            for name in KERNELS:
                merged = self._adapted(name, self.variable_dtype)
                if self._is_quantized:
                    merged, values[f"{name}_scale"] = _quantized(merged)
                values[name] = merged
        for index, value in enumerate(values.values()):
            store[str(index)] = value

    def load_own_variables(self, store):
        """Load what `save_own_variables` saves, and set updates of low rank to zero."""
        if not self.built:
            super().load_own_variables(store)
            return
        weights = self._weights_of_file()
        if len(store.keys()) != len(weights):
            raise ValueError(
                f"The layer {self.path!r} has the weights {[w.name for w in weights]}. If the "
                "file is of a quantized layer, quantize this one before loading, else after. "
                f"Received: a file with {len(store.keys())} weights for this layer"
            )
        for index, weight in enumerate(weights):
            weight.assign(store[str(index)])
        if self.lora_enabled:
            # The first factors stay: if both were zero, neither would have a gradient.
            for name in KERNELS:
                factor = getattr(self, f"lora_{name}_b")
                factor.assign(ops.zeros(factor.shape))

    def _check_mode(self, mode):
        if mode != "int8":
            raise NotImplementedError(
                f"{type(self).__name__} can be quantized with the mode 'int8' only. "
                f"Received: mode={mode!r} for the layer {self.path!r}"
            )

    def _add_quantized_kernel(self, name, shape):
        kernel = self.add_weight(
            shape=shape, name=name, initializer="zeros", dtype="int8", trainable=False
        )
        scale = self.add_weight(
            shape=(shape[-1],),
            name=f"{name}_scale",
            initializer="ones",
            dtype="float32",
            trainable=False,
            autocast=False,
        )
        setattr(self, name, kernel)
        setattr(self, f"{name}_scale", scale)
        self._is_quantized = True

    def _add_factor(self, name, factor, shape, initializer):
        attribute = f"lora_{name}_{factor}"
        weight = self.add_weight(
            shape=shape,
            name=attribute,
            initializer=initializer,
            regularizer=getattr(self, f"{KERNELS[name]}_regularizer"),
            # Small steps would be lost in fewer bits.
            dtype="float32",
            autocast=False,
        )
        setattr(self, attribute, weight)

    def _freeze_kernels(self):
        for name in KERNELS:
            getattr(self, name).trainable = False

    def _adapted(self, name, dtype):
        """Return a tensor of the kernel that the equations use."""
        kernel = ops.convert_to_tensor(getattr(self, name))
        if self._is_quantized:
            scale = ops.convert_to_tensor(getattr(self, f"{name}_scale"))
            kernel = ops.divide(ops.cast(kernel, scale.dtype), scale)
        if self.lora_enabled:
            a, b = (ops.convert_to_tensor(getattr(self, f"lora_{name}_{f}")) for f in "ab")
            kernel = ops.add(kernel, self.lora_alpha / self.lora_rank * ops.matmul(a, b))
        return ops.cast(kernel, dtype) if self._is_quantized or self.lora_enabled else kernel

    def _weights_of_file(self):
        """Return the weights that a file holds: those of Keras's cell first, in its order."""
        names = [*KERNELS], SCALES if self._is_quantized else []
        kernels, scales = ([getattr(self, name) for name in group] for group in names)
        return [*kernels, *self._others(), *scales]

    def _others(self):
        """Return the weights but the kernels and what adapts them."""
        return [w for w in self.weights if w.name not in (*KERNELS, *SCALES, *FACTORS)]


def check_rank(name, rank):
    """Raise an error when the rank of an update is not a positive integer."""
    if isinstance(rank, bool) or not isinstance(rank, Integral) or rank < 1:
        raise ValueError(
            f"`{name}` is the rank of the updates of the kernels and must be a positive integer. "
            f"Received: {name}={rank}"
        )


def _quantized(kernel, quantizer=None):
    """Return a kernel as integers, and the scale of each column."""
    quantizer = quantizer or keras.quantizers.AbsMaxQuantizer()
    values, scale = quantizer(ops.cast(kernel, "float32"), axis=0)
    return values, ops.reshape(scale, (-1,))
