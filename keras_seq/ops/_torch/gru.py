"""Gated recurrent unit on PyTorch, with a gradient of our own."""

import torch

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


def gru(
    inputs,
    initial_state,
    kernel,
    recurrent_kernel,
    bias=None,
    mask=None,
    recurrent_mask=None,
    reset_after=True,
    activation="tanh",
    recurrent_activation="sigmoid",
    go_backwards=False,
    unroll=False,
):
    """Run a gated recurrent unit. See `keras_seq.ops.gru`."""
    check_activation("activation", activation, ["tanh"])
    check_activation("recurrent_activation", recurrent_activation, ["sigmoid"])
    inputs, *weights, drop = tensors_of(inputs, kernel, recurrent_kernel, bias, recurrent_mask)
    units = weights[1].shape[0]
    h = initial_state[0] if isinstance(initial_state, (list, tuple)) else initial_state
    h = state_of(h, inputs, units)
    drop = None if drop is None else drop.expand(len(inputs), units)
    options = {"mask": mask_of(mask), "reset_after": reset_after, "go_backwards": go_backwards}
    outputs, h = _GRU.apply(options, inputs, h, *weights, drop)
    return outputs, (h,)


class _GRU(torch.autograd.Function):
    """The loop over time and its gradient.

    Going back, the gradients of a step are linear in that of its `h`, with factors that depend
    only on what the loop forward has stored. They are computed for all steps at once, and little
    is left to do one step after another.
    """

    @staticmethod
    def forward(ctx, options, inputs, h, kernel, recurrent_kernel, bias, drop):
        """Return all outputs and the last state."""
        steps, mask = valid_inputs(inputs, options["mask"], options["go_backwards"])
        recurrent_bias = None
        if bias is not None and options["reset_after"]:
            # What the products of the gates need can be added before the loop.
            both, recurrent_bias = bias[:, : 2 * h.shape[1]].sum(0), bias[1, 2 * h.shape[1] :]
            gates = project(steps, kernel, torch.cat([both, bias[0, 2 * h.shape[1] :]]))
        else:
            gates = project(steps, kernel, bias)
        hs = torch.cat([h.unsqueeze(0), h.new_empty(len(gates), *h.shape)])
        inner = torch.empty_like(hs[1:])
        reset_after = options["reset_after"]
        _run(gates, hs, inner, recurrent_kernel, recurrent_bias, mask, drop, reset_after)
        ctx.options = options
        ctx.save_for_backward(inputs, h, kernel, recurrent_kernel, bias, drop, gates, hs, inner)
        return hs[1:].transpose(0, 1), hs[-1].clone()

    @staticmethod
    def backward(ctx, outputs_gradient, dh):
        """Return the gradients of all arguments."""
        *arguments, gates, hs, inner = ctx.saved_tensors
        needed = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            gradients = outputs_gradient, dh
            reference = _reference(ctx.options)
            return None, *gradients_of_reference(reference, arguments, gradients, needed)
        inputs, _, kernel, recurrent_kernel, bias, drop = arguments
        steps, mask = valid_inputs(inputs, ctx.options["mask"], ctx.options["go_backwards"])
        back = _back_reset_after if ctx.options["reset_after"] else _back_reset_before
        dgates, dh, drecurrent, dbias, ddrop = back(
            gates,
            hs,
            inner,
            outputs_gradient.transpose(0, 1),
            dh,
            recurrent_kernel,
            mask,
            drop,
            needed[5],
        )
        dinputs = None
        if needed[0]:
            dinputs = batch_first(dgates @ kernel.T, ctx.options["go_backwards"])
        dbias = None if bias is None else dbias
        return None, dinputs, dh, weight_gradient(steps, dgates), drecurrent, dbias, ddrop


def _run(gates, hs, inner, recurrent_kernel, recurrent_bias, mask, drop, reset_after):
    """Fill in the states after the first and `inner`; turn the projected input into the gates.

    `inner` is `h U_h + b'_h` with `reset_after`, and `r * h` without.
    """
    units = hs.shape[-1]
    of_gates = recurrent_kernel[:, : 2 * units].contiguous()
    of_candidate = recurrent_kernel[:, 2 * units :].contiguous()
    z, r, candidate = (gate.unbind(0) for gate in gates.chunk(3, dim=-1))
    z_and_r = gates[..., : 2 * units].unbind(0)
    scratch = torch.empty_like(hs[0])
    hs, inner = hs.unbind(0), inner.unbind(0)
    for t in range(len(inner)):
        h = hs[t] if drop is None else torch.mul(hs[t], drop, out=scratch)
        z_and_r[t].addmm_(h, of_gates).sigmoid_()
        if not reset_after:
            torch.mul(r[t], h, out=inner[t])
            candidate[t].addmm_(inner[t], of_candidate)
        elif recurrent_bias is None:
            candidate[t].addcmul_(r[t], torch.mm(h, of_candidate, out=inner[t]))
        else:
            torch.addmm(recurrent_bias, h, of_candidate, out=inner[t])
            candidate[t].addcmul_(r[t], inner[t])
        torch.lerp(candidate[t].tanh_(), hs[t], z[t], out=hs[t + 1])
        if mask is not None:
            torch.where(mask[t], hs[t + 1], hs[t], out=hs[t + 1])


def _back_reset_after(gates, hs, inner, outputs, dh, recurrent_kernel, mask, drop, drops):
    """Return the gradients of gates, first state, recurrent kernel, biases and dropout."""
    units = hs.shape[-1]
    z, r, candidate = gates.chunk(3, dim=-1)
    # Three blocks that the recurrent product gets, three that the projection of the inputs gets.
    every = gates.new_empty(*inner.shape[:2], 4, units)
    to_inner, to_z, to_r, to_candidate = every.unbind(2)
    aten.sigmoid_backward(hs[:-1] - candidate, z, grad_input=to_z)
    aten.tanh_backward(1 - z, candidate, grad_input=to_candidate)
    aten.sigmoid_backward(to_candidate * inner, r, grad_input=to_r)
    torch.mul(to_candidate, r, out=to_inner)
    carry = _where_valid(mask, every, z)
    transposed = recurrent_kernel.roll(units, 1).T.contiguous()
    dinner, dgates = every.flatten(2)[..., : 3 * units], every.flatten(2)[..., units:]
    dh, factors, dproduct = dh.clone(), every.unbind(0), dinner.unbind(0)
    for t in reversed(range(len(factors))):
        dh += outputs[t]
        factors[t].mul_(dh.unsqueeze(1))
        dh.mul_(carry[t])
        if drop is None:
            dh.addmm_(dproduct[t], transposed)
        else:
            dh.addcmul_(dproduct[t] @ transposed, drop)
    h_before = hs[:-1] if drop is None else hs[:-1] * drop
    drecurrent = weight_gradient(h_before, dinner).roll(-units, 1)
    dbias = torch.stack([dgates.sum((0, 1)), dinner.sum((0, 1)).roll(-units)])
    ddrop = (dinner @ transposed * hs[:-1]).sum(0) if drops else None
    return dgates, dh, drecurrent, dbias, ddrop


def _back_reset_before(gates, hs, inner, outputs, dh, recurrent_kernel, mask, drop, drops):
    """Return the gradients of gates, first state, recurrent kernel, bias and dropout."""
    units = hs.shape[-1]
    z, r, candidate = gates.chunk(3, dim=-1)
    h_before = hs[:-1] if drop is None else hs[:-1] * drop
    every = gates.new_empty(*inner.shape[:2], 3, units)
    to_z, to_r, to_candidate = every.unbind(2)
    aten.sigmoid_backward(hs[:-1] - candidate, z, grad_input=to_z)
    aten.sigmoid_backward(h_before, r, grad_input=to_r)
    aten.tanh_backward(1 - z, candidate, grad_input=to_candidate)
    carry = _where_valid(mask, every, z)
    of_gates = recurrent_kernel[:, : 2 * units].T.contiguous()
    of_candidate = recurrent_kernel[:, 2 * units :].T.contiguous()
    dgates = every.flatten(2)
    dh, z_and_candidate = dh.clone(), every[:, :, ::2].unbind(0)
    dz_and_dr, dr, dcandidate = (
        x.unbind(0) for x in (dgates[..., : 2 * units], to_r, to_candidate)
    )
    dmasked = torch.empty_like(inner)
    for t in reversed(range(len(dr))):
        dh += outputs[t]
        z_and_candidate[t].mul_(dh.unsqueeze(1))
        dinner = dcandidate[t] @ of_candidate
        dr[t].mul_(dinner)
        torch.mul(dinner, r[t], out=dmasked[t]).addmm_(dz_and_dr[t], of_gates)
        dh.mul_(carry[t])
        dh += dmasked[t] if drop is None else dmasked[t] * drop
    drecurrent = torch.cat(
        [
            weight_gradient(h_before, dgates[..., : 2 * units]),
            weight_gradient(inner, dgates[..., 2 * units :]),
        ],
        dim=1,
    )
    ddrop = (dmasked * hs[:-1]).sum(0) if drops else None
    return dgates, dh, drecurrent, dgates.sum((0, 1)), ddrop


def _where_valid(mask, factors, z):
    """Zero the factors of masked steps in place; return that of the state to the one before."""
    if mask is None:
        return z
    factors.masked_fill_(~mask.unsqueeze(-1), 0)
    return z.masked_fill(~mask, 1)


def _reference(options):
    # Not at the top: the plain function is what comes here.
    from keras_seq.ops.gru import gru as reference

    def run(inputs, h, kernel, recurrent_kernel, bias, drop):
        outputs, states = reference(
            inputs,
            (h,),
            kernel,
            recurrent_kernel,
            bias,
            mask=options["mask"],
            recurrent_mask=drop,
            reset_after=options["reset_after"],
            go_backwards=options["go_backwards"],
            implementation="reference",
        )
        return outputs, *states

    return run
