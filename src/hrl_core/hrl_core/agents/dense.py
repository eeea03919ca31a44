"""Stacks of equal multilayer perceptrons with their derivatives written out.

All parameters lie in one flat tensor, so that Adam and the soft update are one pass each; copies (twin
critics) go through one batched product per layer. This is what makes an update faster than modules under
autograd.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.optim.adam import adam

from hrl_core.networks import OUTPUT_INIT

_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class Trace(NamedTuple):
    """What a forward pass leaves behind for the backward pass."""

    inputs: list[torch.Tensor]
    """Input of every layer, (copies, batch, in)."""
    output: torch.Tensor
    """Shape (copies, batch, out)."""


class DenseStack:
    """``copies`` perceptrons of one shape with ReLU between the layers and a linear output."""

    def __init__(
        self,
        input_dim: int,
        hidden: Sequence[int],
        output_dim: int,
        copies: int = 1,
        extra_dim: int = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        """Initialise hidden layers U(+-1/sqrt(fan_in)) with zero bias, the output layer U(+-0.003).

        Args:
            input_dim: size of the input.
            hidden: units of each hidden layer.
            output_dim: size of the output.
            copies: perceptrons in the stack.
            extra_dim: size of what is appended to the second layer's input (HIRO's critics see the action
                again).
            generator: source of the initial weights.
        """
        ins = [input_dim, *hidden]
        if extra_dim:
            ins[1] += extra_dim
        shapes = list(zip(ins, [*hidden, output_dim], strict=True))
        self.copies = copies
        self._widths = [input_dim, *hidden]
        self.flat = torch.empty(sum(copies * (n + 1) * m for n, m in shapes))
        self.grad = torch.zeros_like(self.flat)
        self.weights, self.biases = _views(self.flat, shapes, copies)
        self._weight_grads, self._bias_grads = _views(self.grad, shapes, copies)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            bound = OUTPUT_INIT if i == len(shapes) - 1 else weight.shape[2] ** -0.5
            weight.uniform_(-bound, bound, generator=generator)
            bias.zero_()

    def forward(self, inputs: torch.Tensor, extra: torch.Tensor | None = None, copies: int | None = None) -> Trace:
        """Map (batch, input_dim) through the first ``copies`` perceptrons (default: all)."""
        count = copies or self.copies
        x = inputs.expand(count, *inputs.shape)
        layer_inputs = []
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if i == 1 and extra is not None:
                x = torch.cat((x, extra.expand(count, *extra.shape)), 2)
            layer_inputs.append(x)
            x = torch.baddbmm(bias[:count], x, weight[:count].transpose(1, 2))
            if i < last:
                x.relu_()
        return Trace(layer_inputs, x)

    def backward(self, trace: Trace, output_grad: torch.Tensor) -> None:
        """Write the gradient of the parameters into ``grad``; output_grad (copies, batch, out)."""
        d = output_grad
        for i in range(len(self.weights) - 1, -1, -1):
            torch.bmm(d.transpose(1, 2), trace.inputs[i], out=self._weight_grads[i])
            torch.sum(d, 1, keepdim=True, out=self._bias_grads[i])
            if i:
                d = self._through(i, d, trace)

    def gradient_of_tail(self, trace: Trace, output_grad: torch.Tensor, tail: int) -> torch.Tensor:
        """Gradient with respect to the last ``tail`` inputs, which are also the extra ones if there are any.

        Args:
            trace: a pass through the first perceptron only.
            output_grad: shape (1, batch, out).
            tail: number of inputs asked for.

        Returns:
            Shape (batch, tail).
        """
        d = output_grad
        again: torch.Tensor | None = None
        for i in range(len(self.weights) - 1, 0, -1):
            if i == 1 and self.weights[1].shape[2] > self._widths[1]:
                again = torch.bmm(d, self.weights[1][:1, :, self._widths[1] :])
            d = self._through(i, d, trace)
        gradient = torch.bmm(d, self.weights[0][:1, :, -tail:])
        return (gradient if again is None else gradient.add_(again))[0]

    def _through(self, i: int, d: torch.Tensor, trace: Trace) -> torch.Tensor:
        """Carry the gradient of layer i's output to the output of the ReLU before it."""
        width = self._widths[i]
        d = torch.bmm(d, self.weights[i][: d.shape[0], :, :width])
        return torch.ops.aten.threshold_backward(d, trace.inputs[i][:, :, :width], 0)


class FlatAdam:
    """Adam (arXiv 1412.6980) over flat parameters, one fused pass without an optimiser's bookkeeping."""

    def __init__(self, network: DenseStack, lr: float) -> None:
        """Start with zero moments."""
        self._network, self._lr = network, lr
        self.step_count = torch.zeros((), dtype=torch.float32)
        self.mean, self.square = torch.zeros_like(network.flat), torch.zeros_like(network.flat)

    def step(self) -> None:
        """Move the parameters along ``network.grad``."""
        adam(
            [self._network.flat],
            [self._network.grad],
            [self.mean],
            [self.square],
            [],
            [self.step_count],
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self._lr,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Moments and step counter."""
        return {"step": self.step_count, "mean": self.mean, "square": self.square}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name, tensor in self.state_dict().items():
            tensor.copy_(state[name])


def _views(
    flat: torch.Tensor, shapes: Sequence[tuple[int, int]], copies: int
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    weights, biases, at = [], [], 0
    for n, m in shapes:
        weights.append(flat[at : at + copies * n * m].view(copies, m, n))
        at += copies * n * m
        biases.append(flat[at : at + copies * m].view(copies, 1, m))
        at += copies * m
    return weights, biases
