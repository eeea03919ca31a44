"""Stacks of equal multilayer perceptrons with their derivatives written out, samples as columns.

What makes an update faster than modules under autograd (docs/training_speed.md has the figures):

- All parameters lie in one flat tensor, so that Adam and the soft update are one pass each.
- A layer's input has a row of ones and its matrix a column for the bias: the matrix product adds the bias, and
  the product that gives the weights' gradient gives the bias's as well.
- Samples are columns, so that a batch of 128 fills whole vector registers where 300 units would leave a rest,
  and an input that joins at the second layer is rows written below the first layer's output: nothing is copied.
- Input rows are padded with zeros to a multiple of 8, for the same registers.
- Intermediate results have their place in a ``Room``, made once per batch size; perceptrons of one shape take
  turns there, which keeps the room in the cache.
- Every product is made by the library that is quicker at it on this machine (``products``).
"""

from collections.abc import Sequence

import torch

from hrl_core.learners.product_names import FORWARD, INPUTS, WEIGHTS
from hrl_core.learners.products import Product, Products
from hrl_core.networks.initial_weights import initial_bound

_BETAS, _EPSILON = (0.9, 0.999), 1e-8
_ROWS = 8
"""Rows of a layer's input are a multiple of this."""


class DenseStack:
    """``copies`` perceptrons of one shape with ReLU between the layers and a linear output."""

    def __init__(
        self,
        input_dim: int,
        hidden: Sequence[int],
        output_dim: int,
        copies: int = 1,
        tail_dim: int = 0,
        tail_twice: bool = False,
        generator: torch.Generator | None = None,
        products: Products = Products(),  # noqa: B008 - immutable
        small_output: bool = True,
    ) -> None:
        """Draw the parameters as ``draw_weights`` does, whose numbers they are.

        Args:
            input_dim: size of the input.
            hidden: units of each hidden layer.
            output_dim: size of the output.
            copies: perceptrons in the stack.
            tail_dim: how many of the inputs, the last ones, form the tail (a critic's action).
            tail_twice: whether the second layer sees the tail again (HIRO's critics).
            generator: source of the initial weights.
            products: says which library makes which product.
            small_output: see ``draw_weights``.
        """
        self.copies, self.tail_dim, self.tail_twice, self.products = copies, tail_dim, tail_twice, products
        self.widths = (input_dim, *hidden, output_dim)
        """Size of the input, of every hidden layer and of the output."""
        self.fan_in = [n + (tail_dim if i == 1 and tail_twice else 0) for i, n in enumerate(self.widths[:-1])]
        """Inputs of every layer; the bias's ones follow, then the padding."""
        shapes = [(copies, m, _padded(n + 1)) for n, m in zip(self.fan_in, self.widths[1:], strict=True)]
        self.flat = torch.zeros(sum(k * m * n for k, m, n in shapes))
        self.grad = torch.zeros_like(self.flat)
        self.matrices, self.gradients = _views(self.flat, shapes), _views(self.grad, shapes)
        """Of every layer, (copies, out, rows): weights, bias, padding; and the gradient of these."""
        self.weights = [matrix[:, :, :n] for matrix, n in zip(self.matrices, self.fan_in, strict=True)]
        """Of every layer, (copies, out, in)."""
        self.biases = [matrix[:, None, :, n] for matrix, n in zip(self.matrices, self.fan_in, strict=True)]
        """Of every layer, (copies, 1, out)."""
        self._rooms: dict[int, Room] = {}
        self._passes: dict[tuple[int, int], Pass] = {}
        for weight, bias in zip(self.weights, self.biases, strict=True):
            bound = initial_bound(weight.shape[2], small_output and weight is self.weights[-1])
            for parameter in (weight,) if small_output else (weight, bias):
                parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))

    def like(self, own_room: bool = False) -> "DenseStack":
        """A stack of the same shape with zero parameters that takes turns in the same room, or has its own."""
        sizes = self.widths[0], self.widths[1:-1], self.widths[-1]
        twin = DenseStack(*sizes, self.copies, self.tail_dim, self.tail_twice, products=self.products)
        twin.flat.zero_()
        if not own_room:
            twin._rooms = self._rooms
        return twin

    def room(self, columns: int) -> "Room":
        """Where passes of ``columns`` samples take place, made once."""
        if columns not in self._rooms:
            self._rooms[columns] = Room(self, columns)
        return self._rooms[columns]

    def at(self, columns: int, copy: int = 0) -> "Pass":
        """The pass of ``columns`` samples through one perceptron, made once."""
        if (columns, copy) not in self._passes:
            self._passes[columns, copy] = Pass(self, self.room(columns), copy)
        return self._passes[columns, copy]


class Room:
    """Buffers of a pass, used by one perceptron after another so that they stay in the processor's cache."""

    def __init__(self, stack: DenseStack, columns: int) -> None:
        """Reserve room for ``columns`` samples through a perceptron of ``stack``."""
        self.columns = columns
        self.share = torch.tensor(1 / (stack.copies * columns))
        """Of one output in the mean over all copies; a tensor, for a number would be made one at every use."""
        self.inputs = [torch.zeros(_padded(n + 1), columns) for n in stack.fan_in]
        """Input of every layer, ones, padding: (rows, columns)."""
        for rows, n in zip(self.inputs, stack.fan_in, strict=True):
            rows[n] = 1.0
        widths = stack.widths[:-1]
        self._whole = self.inputs[0][: widths[0]]
        self.head = self.inputs[0][: widths[0] - stack.tail_dim]
        """To be written before passes, alone or by ``write``: the input above the tail, (rest, columns)."""
        self.tail = self.inputs[0][widths[0] - stack.tail_dim : widths[0]]
        """To be written before passes, by ``write`` or ``write_tail``: (tail_dim, columns)."""
        self._tail_again = self.inputs[1][widths[1] : stack.fan_in[1]] if stack.tail_twice else None
        self.hidden = [rows[:n] for rows, n in zip(self.inputs[1:], widths[1:], strict=True)]
        """Outputs of the ReLUs, (units, columns); they lie in the next layer's input."""
        self.hidden_grads = [torch.zeros(n, columns) for n in widths[1:]]

    def write(self, values: torch.Tensor) -> None:
        """Write an input with its tail, (input_dim, columns)."""
        self._whole.copy_(values)
        if self._tail_again is not None:
            self._tail_again.copy_(self.tail)

    def write_tail(self, values: torch.Tensor, factors: torch.Tensor) -> None:
        """Write values (tail_dim, columns), each row times its factor (tail_dim, 1), wherever the tail is seen."""
        torch.mul(values, factors, out=self.tail)
        if self._tail_again is not None:
            self._tail_again.copy_(self.tail)


class Pass:
    """A batch's way through a perceptron and back; a sample is a column.

    Valid until another pass begins in the same room. Every matrix product is listed once with its operands: making the
    views anew would cost half as much as the smaller products.
    """

    def __init__(self, stack: DenseStack, room: Room, copy: int) -> None:
        """Prepare the products of perceptron ``copy`` of ``stack``."""
        matrices, gradients = ([m[copy] for m in group] for group in (stack.matrices, stack.gradients))
        self.output = torch.zeros(stack.widths[-1], room.columns)
        """Shape (out, columns)."""
        self.output_grad = torch.zeros_like(self.output)
        """To be written before a way back."""
        outputs, output_grads = [*room.hidden, self.output], [*room.hidden_grads, self.output_grad]
        self._hidden, self._hidden_grads = room.hidden, room.hidden_grads
        made = stack.products.make
        # y = W x,   dL/dW = dL/dy x^T,   dL/dx = W^T dL/dy, of every layer; the first one's input has no gradient.
        self._forward = [made(FORWARD, *three) for three in zip(matrices, room.inputs, outputs, strict=True)]
        transposed = [rows.T for rows in room.inputs]
        self._to_weights = [made(WEIGHTS, *three) for three in zip(output_grads, transposed, gradients, strict=True)]
        self._to_inputs = [
            made(INPUTS, matrix[:, :n].T, dy, dx)
            for matrix, n, dy, dx in zip(
                matrices[1:], stack.widths[1:-1], output_grads[1:], room.hidden_grads, strict=True
            )
        ]
        self.products: list[Product] = [*self._forward, *self._to_weights, *self._to_inputs]
        """All of them."""
        seen = 2 if stack.tail_twice else 1
        tails = [weight[copy, :, weight.shape[2] - stack.tail_dim :].T for weight in stack.weights[:seen]]
        self._tail_grads = list(zip(tails, output_grads, strict=False))

    def forward(self) -> torch.Tensor:
        """Map the room's inputs to ``output``."""
        *hidden_layers, last = self._forward
        for layer, hidden in zip(hidden_layers, self._hidden, strict=True):
            layer.run()
            hidden.relu_()
        last.run()
        return self.output

    def backward(self) -> None:
        """Turn ``output_grad`` into the gradient of the perceptron's parameters."""
        for i in range(len(self._forward) - 1, -1, -1):
            if i:
                self._through(i)
            self._to_weights[i].run()

    def gradient_of_tail(self) -> torch.Tensor:
        """Turn ``output_grad`` into the gradient of the tail, (tail_dim, columns)."""
        for i in range(len(self._hidden), 0, -1):
            self._through(i)
        (first, dy), *again = self._tail_grads
        gradient = torch.mm(first, dy)
        for weights, dy in again:
            gradient.addmm_(weights, dy)
        return gradient

    def _through(self, i: int) -> None:
        """Carry the gradient of layer i's output to the output of the layer before, ahead of its ReLU."""
        self._to_inputs[i - 1].run()
        gradient = self._hidden_grads[i - 1]
        torch.ops.aten.threshold_backward.grad_input(gradient, self._hidden[i - 1], 0, grad_input=gradient)


class FlatAdam:
    """Adam (arXiv 1412.6980) over flat parameters, one fused pass without an optimiser's bookkeeping."""

    def __init__(self, network: DenseStack, lr: float) -> None:
        """Start with zero moments."""
        self._lr = lr
        self.step_count = torch.zeros((), dtype=torch.float32)
        self.mean, self.square = torch.zeros_like(network.flat), torch.zeros_like(network.flat)
        self._one = torch.ones(())
        self._lists = [network.flat], [network.grad], [self.mean], [self.square], [], [self.step_count]

    def step(self) -> None:
        """Move the parameters along ``network.grad``."""
        self.step_count.add_(self._one)
        torch._fused_adam_(
            *self._lists,
            lr=self._lr,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            weight_decay=0.0,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Moments and step counter."""
        return {"step": self.step_count, "mean": self.mean, "square": self.square}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name, tensor in self.state_dict().items():
            tensor.copy_(state[name])


def _padded(rows: int) -> int:
    return -(-rows // _ROWS) * _ROWS


def _views(flat: torch.Tensor, shapes: Sequence[tuple[int, int, int]]) -> list[torch.Tensor]:
    parts = flat.split([k * m * n for k, m, n in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
