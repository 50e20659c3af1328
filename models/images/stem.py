"""A convolutional stem that shows a transformer the traces of blur, noise and encoders in every cell of a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, pad

from models.images.recipe import CELL

SCALES = 3  # full size, half and quarter
FLOOR = 1e-5  # the least energy, below what rounding to 8 bits leaves: (1 / 255 / 0.25)² / 12


class CellStem(nn.Module):
    """A module that turns float32 [batch, channels, height, width] into [batch, width, height / 8, width / 8].

    Each cell of 8 × 8 pixels gets the log energies of the tile under `filters` learnt 5 × 5 filters at three scales,
    the log steps by their place in the cell, and the mean, maximum and minimum of every channel. Energy by scale and
    direction shows blur (Field 1987), the quietest cells show noise, and steps at the borders of cells show blocks
    (Wang et al. 2002). With logarithms, ratios become sums. Plain convolutions need thousands of steps to learn this.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.filters = nn.ModuleList(
            nn.Conv2d(3, filters, 5, 2 if scale == 0 else 1, 2, bias=False) for scale in range(SCALES)
        )
        self.width = SCALES * filters + 2 * CELL + 3 * channels
        self.norm = nn.BatchNorm2d(self.width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features of the cells."""
        tile = pixels[:, :3]
        parts = _steps(tile.mean(1, keepdim=True))
        for scale, filters in enumerate(self.filters):
            fine = tile - avg_pool2d(tile, 3, 1, 1, count_include_pad=False)
            energy = filters(fine).float().square()
            parts.append(_log(avg_pool2d(energy, CELL // 2 if scale < 2 else CELL // 4)))
            tile = avg_pool2d(tile, 2)
        parts += [avg_pool2d(pixels, CELL), max_pool2d(pixels, CELL), -max_pool2d(-pixels, CELL)]
        features: Tensor = self.norm(torch.cat(parts, 1))
        return features


def _steps(grey: Tensor) -> list[Tensor]:
    """Return the log mean steps to the right and down, by column or row of the cell: [batch, 8, rows, columns] each."""
    across = (pad(grey, (0, 1, 0, 0), mode="replicate")[..., 1:] - grey).abs()
    down = (pad(grey, (0, 0, 0, 1), mode="replicate")[..., 1:, :] - grey).abs()
    across, down = avg_pool2d(across, (CELL, 1)), avg_pool2d(down, (1, CELL))
    batch, _, rows, width = across.shape
    columns = down.shape[3]
    across = across.reshape(batch, rows, width // CELL, CELL).permute(0, 3, 1, 2)
    down = down.reshape(batch, rows, CELL, columns).transpose(1, 2)
    return [_log(across), _log(down)]


def _log(energy: Tensor) -> Tensor:
    return torch.log(energy + FLOOR)
