"""The network of an image bundle: a Hugging Face image classifier behind a convolutional stem."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification

from models.export.normalise import Normalise
from models.images.recipe import CELL, ImageRecipe
from models.images.stem import CellStem

WEIGHTS = "network.safetensors"


class StemmedClassifier(nn.Module):
    """A classifier whose `forward(pixels)`, uint8 [batch, height, width, channels], returns logits [batch, labels].

    A transformer whose patches are cut from convolutions instead of pixels trains faster and on less data (Xiao et
    al., "Early convolutions help transformers see better", 2021).
    """

    def __init__(self, recipe: ImageRecipe) -> None:
        super().__init__()
        channels, size = recipe.image.channels, list(recipe.image.size)
        self.normalise = Normalise(recipe.image)
        self.stem: nn.Module = nn.Identity()
        if recipe.backbone.stem:
            self.stem = CellStem(channels, recipe.backbone.stem)
            channels, size = self.stem.width, [side // CELL for side in size]
        self.encoder = _backbone(recipe, channels, size)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits [batch, labels]."""
        logits: Tensor = self.encoder(pixel_values=self.stem(self.normalise(pixels))).logits
        return logits


def _backbone(recipe: ImageRecipe, channels: int, size: list[int]) -> nn.Module:
    spec, labels = recipe.backbone, len(recipe.labels)
    if spec.folder:
        return AutoModelForImageClassification.from_pretrained(
            spec.folder, num_labels=labels, ignore_mismatched_sizes=True, local_files_only=True
        ).float()
    side = size[0] if size[0] == size[1] else size
    said = {**spec.config, "num_labels": labels, "num_channels": channels, "image_size": side}
    config = AutoConfig.for_model(said.pop("model_type"), **said)
    return AutoModelForImageClassification.from_config(config, attn_implementation="eager")


def save_network(network: nn.Module, folder: Path) -> None:
    """Write network.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / WEIGHTS)


def load_network(recipe: ImageRecipe, folder: Path) -> StemmedClassifier:
    """Return the network that `save_network` wrote, in eval mode."""
    network = StemmedClassifier(recipe)
    network.load_state_dict(load_file(folder / WEIGHTS))
    network.eval()
    return network
