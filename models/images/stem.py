"""A convolutional stem that hands a transformer what blur, noise and encoders leave in every cell of a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, pad

from models.images.recipe import CELL

SCALES = 3  # full size, half, quarter
FLOOR = 1e-5  # of an energy, below what rounding to 8 bits leaves: (1 / 255 / 0.25)² / 12


class CellStem(nn.Module):
    """float32 [batch, channels, height, width] to [batch, width, height / 8, width / 8].

    For each cell of 8 × 8 pixels: log energies of the tile under `filters` learnt 5 × 5 filters at three scales, log
    steps by their place in the cell, and mean, most and least of every channel. Energy by scale and direction is what
    tells blur (Field 1987), its quietest cells tell noise, steps at the border of cells tell blocks (Wang et al.
    2002); as logarithms, ratios of them are sums. Plain convolutions need thousands of steps to get there.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.filters = nn.ModuleList(
            nn.Conv2d(3, filters, 5, 2 if scale == 0 else 1, 2, bias=False) for scale in range(SCALES)
        )
        self.width = SCALES * filters + 2 * CELL + 3 * channels
        self.norm = nn.BatchNorm2d(self.width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features of the cells."""
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
    """Log mean steps to the right and down, [batch, 8, rows, columns] each, by column or row of the cell."""
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
