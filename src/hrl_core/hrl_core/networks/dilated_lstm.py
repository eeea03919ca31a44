"""A dilated LSTM in torch: whole sequences for gradients, and single steps of many copies (FuN, arXiv 1703.01161, 3.2).

Its groups of state share one set of weights; at step t group t mod r is advanced, and the output is the sum of all:

    h_t, c_t = LSTM(x_t, h_{t-r}, c_{t-r}),   y_t = sum_{j<r} h_{t-j},   0 before the first step
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import pad


class State(NamedTuple):
    """What is remembered of many copies that are at the same step; shape (dilation, copies, units) each."""

    hidden: torch.Tensor
    cell: torch.Tensor


class DilatedLSTM(nn.Module):
    """Dilation 1 is a plain LSTM."""

    def __init__(self, inputs: int, units: int, dilation: int, generator: torch.Generator) -> None:
        """Initialise all weights U(+-1/sqrt(units)) from ``generator``, as torch does."""
        super().__init__()
        self.units, self.dilation = units, dilation
        self._lstm = nn.LSTM(inputs, units)
        with torch.no_grad():
            for parameter in self._lstm.parameters():
                parameter.uniform_(-(units**-0.5), units**-0.5, generator=generator)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs y (steps, batch, units) of whole sequences (steps, batch, inputs) from their step 0 on."""
        steps, batch, size = inputs.shape
        r = self.dilation
        # Step t follows on step t - r alone: r interleaved sequences, side by side in one batch.
        rounds = -(-steps // r)
        side_by_side = pad(inputs, (0, 0, 0, 0, 0, rounds * r - steps)).reshape(rounds, r * batch, size)
        hidden, _ = self._lstm(side_by_side)
        return window_sums(hidden.reshape(rounds * r, batch, self.units)[:steps], r)

    def initial(self, copies: int) -> State:
        """Nothing is remembered at the beginning of an episode."""
        shape = self.dilation, copies, self.units
        return State(torch.zeros(shape), torch.zeros(shape))

    @torch.no_grad()
    def advance(self, state: State, inputs: torch.Tensor, step: int) -> tuple[State, torch.Tensor]:
        """Take a step: inputs (copies, inputs) to outputs y (copies, units); the state is not changed in place."""
        group = step % self.dilation
        before = state.hidden[group], state.cell[group]
        hidden, cell = state.hidden.clone(), state.cell.clone()
        hidden[group], cell[group] = torch.lstm_cell(inputs, before, *self._lstm.parameters())
        return State(hidden, cell), hidden.sum(0)

    def named(self) -> dict[str, torch.Tensor]:
        """The weights under the names that a checkpoint has (``MemoryConfig.shapes``)."""
        own = self._lstm.state_dict()
        return {f"lstm.{name.removesuffix('_l0')}": tensor for name, tensor in own.items()}


def window_sums(sequence: torch.Tensor, width: int) -> torch.Tensor:
    """Sums over the last ``width`` steps, the present one included, of a sequence (steps, ...), of its shape."""
    if width == 1:
        return sequence
    before = sequence.new_zeros(width - 1, *sequence.shape[1:])
    return torch.cat((before, sequence)).unfold(0, width, 1).sum(-1)
