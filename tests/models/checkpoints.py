"""Classification checkpoints as transformers saves them: tiny, random weights, with a tokenizer or processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.conftest import WORDS

LETTERS = [chr(c) for c in range(97, 123)]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
MARKED = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def _config(kind: str, **changes: Any) -> Any:
    import transformers

    text = {"vocab_size": 100, "max_position_embeddings": 80}
    name, said = {
        "bert": ("BertConfig", {**SIZE, **text}),
        "roberta": ("RobertaConfig", {**SIZE, **text, **MARKED, "max_position_embeddings": 82, "type_vocab_size": 1}),
        "deberta-v2": (
            "DebertaV2Config",
            {**SIZE, **text, "type_vocab_size": 0, "relative_attention": True, "position_buckets": 16,
             "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
             "position_biased_input": False, "pooler_hidden_size": 32},
        ),
        "distilbert": ("DistilBertConfig", {**text, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}),
        "modernbert": (
            "ModernBertConfig",
            {**SIZE, **text, **MARKED, "local_attention": 16, "global_attn_every_n_layers": 2, "cls_token_id": 0,
             "sep_token_id": 2},
        ),
        "vit": ("ViTConfig", {**SIZE, "image_size": 32, "patch_size": 8}),
    }[kind]  # fmt: skip
    return getattr(transformers, name)(**{**said, **changes})


def checkpoint(folder: Path, kind: str, **changes: Any) -> Path:
    """A folder with config.json, model.safetensors and a fast tokenizer, or preprocessor_config.json.

    Weights are drawn wide, so that scores of different contents differ.
    """
    import torch
    from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification

    auto = AutoModelForImageClassification if kind == "vit" else AutoModelForSequenceClassification
    torch.manual_seed(0)
    model = auto.from_config(_config(kind, **{"num_labels": 3, **changes}))
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    if kind == "vit":
        processor(folder)
    else:
        tokenizer(folder, {"roberta": "bpe", "modernbert": "bpe", "deberta-v2": "unigram"}.get(kind, "wordpiece"))
    return folder


def processor(folder: Path, **changes: Any) -> None:
    """One that scales the whole picture bicubically."""
    from transformers import ViTImageProcessorPil

    ViTImageProcessorPil(**{"size": {"height": 32, "width": 32}, "resample": 3, **changes}).save_pretrained(folder)


def tokenizer(folder: Path, kind: str) -> None:
    """A fast tokenizer of that model class, with the special tokens that BERT or RoBERTa has."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    if kind == "wordpiece":
        vocabulary = {w: i for i, w in enumerate([*BERT, *WORDS, *LETTERS, *(f"##{x}" for x in LETTERS)])}
        made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    elif kind == "bpe":
        vocabulary = {w: i for i, w in enumerate([*ROBERTA, "Ġ", *LETTERS, "Ġt", "he", "Ġthe"])}
        made = Tokenizer(models.BPE(vocabulary, [("Ġ", "t"), ("h", "e"), ("Ġt", "he")], unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        pieces = [
            *((w, 0.0) for w in BERT),
            ("▁", -2.0),
            *((f"▁{w}", -3.0) for w in WORDS),
            *((x, -5.0) for x in LETTERS),
        ]
        made = Tokenizer(models.Unigram(pieces, unk_id=1))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ROBERTA if kind == "bpe" else BERT
    first, last = (special[0], special[2]) if kind == "bpe" else (special[2], special[3])
    made.add_special_tokens(special)
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(x, made.token_to_id(x)) for x in (first, last)]
    )
    pad, unknown, mask = (special[1], special[3], special[4]) if kind == "bpe" else (special[0], special[1], special[4])
    PreTrainedTokenizerFast(
        tokenizer_object=made, cls_token=first, sep_token=last, pad_token=pad, unk_token=unknown, mask_token=mask
    ).save_pretrained(folder)
