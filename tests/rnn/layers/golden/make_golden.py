"""Write golden.safetensors: every cell, both directions, forward and backward, as PyTorch computes them.

Run once, in an environment of its own with torch==2.13.0 and safetensors:  python make_golden.py
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

INPUTS, H, LENGTHS = 3, 4, [5, 3, 3, 1]
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
arrays = {"lengths": torch.tensor(LENGTHS)}
inputs = pack_padded_sequence(torch.randn(max(LENGTHS), len(LENGTHS), INPUTS), LENGTHS)
CELLS = {
    "elman": torch.nn.RNN(INPUTS, H, bidirectional=True),
    "relu": torch.nn.RNN(INPUTS, H, nonlinearity="relu", bidirectional=True),
    "gru": torch.nn.GRU(INPUTS, H, bidirectional=True),
    "lstm": torch.nn.LSTM(INPUTS, H, bidirectional=True),
}
for name, cell in CELLS.items():
    x = inputs.data.clone().requires_grad_()
    output, _ = cell(inputs._replace(data=x))
    upstream = torch.randn_like(output.data)
    (output.data * upstream).sum().backward()
    assert pad_packed_sequence(output)[1].tolist() == LENGTHS
    arrays |= {f"{name}.x": x, f"{name}.h": output.data, f"{name}.dh": upstream, f"{name}.dx": x.grad}
    for key, value in cell.named_parameters():
        arrays |= {f"{name}.{key}": value, f"{name}.d{key}": value.grad}
save_file(
    {name: value.detach().contiguous() for name, value in arrays.items()},
    Path(__file__).with_name("golden.safetensors"),
)
