"""Long short-term memory on PyTorch, with a gradient of our own."""

import torch
from keras import activations

from keras_seq.ops._torch.recurrence import (
    batch_first,
    gradients_of_reference,
    mask_of,
    project,
    state_of,
    tensors_of,
    valid_inputs,
    weight_gradient,
)
from keras_seq.ops.activation import check_activation

aten = torch.ops.aten


def lstm(
    inputs,
    initial_state,
    kernel,
    recurrent_kernel,
    bias=None,
    peephole_kernel=None,
    mask=None,
    recurrent_mask=None,
    activation="tanh",
    recurrent_activation="sigmoid",
    output_activation=None,
    go_backwards=False,
    unroll=False,
):
    """Run a long short-term memory. See `keras_seq.ops.lstm`."""
    output_activation = activations.get(
        activation if output_activation is None else output_activation
    )
    check_activation("activation", activation, ["tanh"])
    check_activation("recurrent_activation", recurrent_activation, ["sigmoid"])
    check_activation("output_activation", output_activation, ["tanh", "linear"])
    inputs, *weights, drop = tensors_of(
        inputs, kernel, recurrent_kernel, bias, peephole_kernel, recurrent_mask
    )
    units = weights[1].shape[0]
    h, c = (state_of(state, inputs, units) for state in initial_state)
    drop = None if drop is None else drop.expand(len(inputs), units)
    is_linear = output_activation is activations.linear
    is_plain = mask is None and peephole_kernel is None and drop is None and not is_linear
    if is_plain and _has_kernel(inputs):
        return _lstm_of_torch(inputs, h, c, *weights[:3], go_backwards)
    options = {"mask": mask_of(mask), "is_linear": is_linear, "go_backwards": go_backwards}
    outputs, h, c = _LSTM.apply(options, inputs, h, c, *weights, drop)
    return outputs, (h, c)


def _has_kernel(inputs):
    """Return whether PyTorch has a kernel for the whole loop, that of oneDNN.

    In other dtypes its LSTM is a loop that is slower than ours.
    """
    return (
        inputs.device.type == "cpu"
        and inputs.dtype in (torch.float32, torch.bfloat16)
        and inputs.numel() > 0
        and torch.backends.mkldnn.is_available()
    )


def _lstm_of_torch(inputs, h, c, kernel, recurrent_kernel, bias, go_backwards):
    weights = [kernel.T, recurrent_kernel.T]
    if bias is not None:
        weights += [bias, torch.zeros_like(bias)]
    outputs, h, c = torch.lstm(
        inputs.flip(1) if go_backwards else inputs,
        (h.unsqueeze(0), c.unsqueeze(0)),
        weights,
        has_biases=bias is not None,
        num_layers=1,
        dropout=0.0,
        train=True,
        bidirectional=False,
        batch_first=True,
    )
    return outputs, (h[0], c[0])


class _LSTM(torch.autograd.Function):
    """The loop over time and its gradient.

    Going back, the gradients of a step are linear in those of its `h` and `c`, with factors that
    depend only on what the loop forward has stored. They are computed for all steps at once, and
    little is left to do one step after another.
    """

    @staticmethod
    def forward(ctx, options, inputs, h, c, kernel, recurrent_kernel, bias, peephole, drop):
        """Return all outputs and the last states."""
        steps, mask = valid_inputs(inputs, options["mask"], options["go_backwards"])
        gates = project(steps, kernel, bias)
        hs = torch.cat([h.unsqueeze(0), h.new_empty(len(gates), *h.shape)])
        cs = torch.cat([c.unsqueeze(0), c.new_empty(len(gates), *c.shape)])
        _run(gates, hs, cs, recurrent_kernel, peephole, mask, drop, options["is_linear"])
        ctx.options = options
        ctx.save_for_backward(
            inputs, h, c, kernel, recurrent_kernel, bias, peephole, drop, gates, hs, cs
        )
        return hs[1:].transpose(0, 1), hs[-1].clone(), cs[-1].clone()

    @staticmethod
    def backward(ctx, outputs_gradient, dh, dc):
        """Return the gradients of all arguments."""
        *arguments, gates, hs, cs = ctx.saved_tensors
        needed = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            gradients = outputs_gradient, dh, dc
            reference = _reference(ctx.options)
            return None, *gradients_of_reference(reference, arguments, gradients, needed)
        inputs, _, _, kernel, recurrent_kernel, bias, peephole, drop = arguments
        go_backwards = ctx.options["go_backwards"]
        steps, mask = valid_inputs(inputs, ctx.options["mask"], go_backwards)
        factors = _factors(gates, cs, peephole, mask, ctx.options["is_linear"])
        dgates, dh, dc = _run_back(
            *factors, outputs_gradient.transpose(0, 1), dh, dc, recurrent_kernel, mask, drop
        )
        h_before = hs[:-1] if drop is None else hs[:-1] * drop
        dinputs = batch_first(dgates @ kernel.T, go_backwards) if needed[0] else None
        dbias = None if bias is None else dgates.sum((0, 1))
        dpeephole = None
        if peephole is not None:
            di, df, _, do = dgates.chunk(4, dim=-1)
            pairs = (di, cs[:-1]), (df, cs[:-1]), (do, cs[1:])
            dpeephole = torch.stack([(d * c).sum((0, 1)) for d, c in pairs])
        ddrop = (dgates @ recurrent_kernel.T * hs[:-1]).sum(0) if needed[7] else None
        dkernel, drecurrent = weight_gradient(steps, dgates), weight_gradient(h_before, dgates)
        return None, dinputs, dh, dc, dkernel, drecurrent, dbias, dpeephole, ddrop


def _run(gates, hs, cs, recurrent_kernel, peephole, mask, drop, is_linear):
    """Fill in the states after the first; `gates` is the projected input and becomes the gates."""
    time, batch, units = hs.shape[0] - 1, *hs.shape[1:]
    if peephole is not None:
        p_if, p_o = peephole[:2], peephole[2]
    by_gate = gates.view(time, batch, 4, units)
    gates, hs, cs = gates.unbind(0), hs.unbind(0), cs.unbind(0)
    i_and_f = by_gate[:, :, :2].unbind(0)
    i, f, g, o = (gate.unbind(0) for gate in by_gate.unbind(2))
    scratch = torch.empty_like(cs[0])
    for t in range(time):
        h = hs[t] if drop is None else torch.mul(hs[t], drop, out=scratch)
        gates[t].addmm_(h, recurrent_kernel)
        if peephole is not None:
            i_and_f[t].addcmul_(cs[t].unsqueeze(1), p_if)
        i_and_f[t].sigmoid_()
        g[t].tanh_()
        c = torch.mul(f[t], cs[t], out=cs[t + 1]).addcmul_(i[t], g[t])
        if peephole is not None:
            o[t].addcmul_(p_o, c)
        o[t].sigmoid_()
        torch.mul(o[t], c if is_linear else torch.tanh(c, out=scratch), out=hs[t + 1])
        if mask is not None:
            torch.where(mask[t], hs[t + 1], hs[t], out=hs[t + 1])
            torch.where(mask[t], c, cs[t], out=c)


def _factors(gates, cs, peephole, mask, is_linear):
    """Return what the gradients of `h` and `c` are multiplied with in each step.

    Returns:
        Tuple of the factors of `c` to the input, forget and cell gates and of `h` to the output
        gate `(time, batch, 4, units)`, of `h` to `c`, and of `c` to the `c` before.
    """
    time, batch, units = cs.shape[0] - 1, *cs.shape[1:]
    i, f, g, o = gates.view(time, batch, 4, units).unbind(2)
    to_gates = torch.empty_like(gates).view(time, batch, 4, units)
    to_i, to_f, to_g, to_o = to_gates.unbind(2)
    out = cs[1:] if is_linear else torch.tanh(cs[1:])
    aten.sigmoid_backward(g, i, grad_input=to_i)
    aten.sigmoid_backward(cs[:-1], f, grad_input=to_f)
    aten.tanh_backward(i, g, grad_input=to_g)
    aten.sigmoid_backward(out, o, grad_input=to_o)
    h_to_c = o.clone() if is_linear else aten.tanh_backward(o, out)
    c_to_c = f.clone()
    if peephole is not None:
        h_to_c.addcmul_(to_o, peephole[2])
        c_to_c.addcmul_(to_i, peephole[0]).addcmul_(to_f, peephole[1])
    if mask is not None:
        to_gates.masked_fill_(~mask.unsqueeze(-1), 0)
        h_to_c.masked_fill_(~mask, 0)
        c_to_c.masked_fill_(~mask, 1)
    return to_gates, h_to_c, c_to_c


def _run_back(to_gates, h_to_c, c_to_c, outputs, dh, dc, recurrent_kernel, mask, drop):
    """Return the gradients of the gates before their activations, and of the first state."""
    dgates = to_gates.flatten(2)
    transposed = recurrent_kernel.T.contiguous()
    dh, dc = dh.clone(), dc.clone()
    from_c, from_h = to_gates[:, :, :3].unbind(0), to_gates[:, :, 3].unbind(0)
    dgate = dgates.unbind(0)
    for t in reversed(range(len(dgate))):
        dh += outputs[t]
        dc.addcmul_(dh, h_to_c[t])
        from_c[t].mul_(dc.unsqueeze(1))
        from_h[t].mul_(dh)
        dc.mul_(c_to_c[t])
        carried = None if mask is None else dh.masked_fill(mask[t], 0)
        torch.mm(dgate[t], transposed, out=dh)
        if drop is not None:
            dh.mul_(drop)
        if mask is not None:
            dh += carried
    return dgates, dh, dc


def _reference(options):
    # Not at the top: the plain function is what comes here.
    from keras_seq.ops.lstm import lstm as reference

    def run(inputs, h, c, kernel, recurrent_kernel, bias, peephole, drop):
        outputs, states = reference(
            inputs,
            (h, c),
            kernel,
            recurrent_kernel,
            bias,
            peephole,
            mask=options["mask"],
            recurrent_mask=drop,
            output_activation="linear" if options["is_linear"] else "tanh",
            go_backwards=options["go_backwards"],
            implementation="reference",
        )
        return outputs, *states

    return run
