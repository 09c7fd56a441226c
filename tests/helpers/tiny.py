"""Tiny, randomly initialised models of real architectures, made in milliseconds."""

from collections.abc import Sequence
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

FOLDER = Path(__file__).parent

TEXT = [
    "Question: Which currency is used in this country: France? Answer: euro dollar yen peso",
    "Frage: Welche Währung wird in diesem Land verwendet: Frankreich? Antwort: Euro",
    "Pregunta: ¿Qué moneda se usa en este país: Francia? Respuesta: euro A. B. C. D.",
    "問題：この国の通貨は何ですか？ Вопрос: какая валюта? السؤال",
]

SMALL = {
    "vocab_size": 400,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}

CONFIGS = {
    "llama": lambda: transformers.LlamaConfig(**SMALL),
    "gemma3": lambda: transformers.Gemma3TextConfig(
        **SMALL,
        head_dim=8,
        sliding_window=7,
        layer_types=["sliding_attention", "full_attention"] * 2,
    ),
    "qwen2": lambda: transformers.Qwen2Config(
        **SMALL, use_sliding_window=True, sliding_window=7, max_window_layers=2
    ),
    "mistral": lambda: transformers.MistralConfig(**SMALL, sliding_window=7),
    "mistral-nemo": lambda: transformers.MistralConfig(**SMALL, head_dim=16, sliding_window=None),
    "llama3.1": lambda: transformers.LlamaConfig(
        **SMALL,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        },
    ),
    "gemma2": lambda: transformers.Gemma2Config(
        **SMALL,
        head_dim=8,
        query_pre_attn_scalar=8,
        sliding_window=7,
        attn_logit_softcapping=5.0,
        final_logit_softcapping=3.0,
    ),
    "cohere": lambda: transformers.CohereConfig(**SMALL, logit_scale=0.5),
    "mixtral": lambda: transformers.MixtralConfig(
        **SMALL, num_local_experts=4, num_experts_per_tok=2
    ),
    "gpt2": lambda: transformers.GPT2Config(
        vocab_size=400, n_embd=32, n_layer=3, n_head=4, n_positions=512
    ),
}

HYBRID = {
    "zamba": lambda: transformers.ZambaConfig(
        **SMALL | {"num_key_value_heads": 4, "num_hidden_layers": 9},
        attention_hidden_size=64,
        attention_head_dim=16,
        attn_layer_period=3,
        attn_layer_offset=1,
        n_mamba_heads=2,
        mamba_dt_rank=4,
        use_mamba_kernels=False,
    )
}
"""Attention beside state-space layers, which read their tokens in a row."""


def network(
    architecture: str = "llama", seed: int = 0, **settings: int
) -> transformers.PreTrainedModel:
    """A float32 model whose weights are large enough to make attention patterns matter."""
    torch.manual_seed(seed)
    config = (CONFIGS | HYBRID)[architecture]()
    config.update(settings)
    model = transformers.AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(std=0.15)
    return model.eval()


def tokenizer(
    padding_side: str = "right",
    bos: bool = True,
    eos: bool = False,
    learned: Sequence[str] = TEXT,
) -> transformers.PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of 400 entries that puts `<s>` before and `</s>` after, or not."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(learned, trainer)
    if bos or eos:
        core.post_processor = processors.TemplateProcessing(
            single=" ".join(["<s>"] * bos + ["$A"] + ["</s>"] * eos),
            special_tokens=[("<s>", 0), ("</s>", 1)],
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side=padding_side,
    )


def saved(folder: Path) -> str:
    """Name of a random model, saved in `folder` with its tokenizer."""
    network().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return f"path:{folder}"


def merging(*merges: str) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer of bytes and these merges ("Ġ A"), which know no border between words."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    names = ["<s>", "</s>", "<pad>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    pairs = []
    for pair in (tuple(merge.split(" ")) for merge in merges):
        if {*pair} <= {*names}:
            pairs.append(pair)
            names += ["".join(pair)] * ("".join(pair) not in names)
    core.model = models.BPE({name: i for i, name in enumerate(names)}, pairs)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


class SlowTokenizer(transformers.PreTrainedTokenizer):
    """A tokenizer in pure Python, of characters, that puts `<s>` before and `</s>` after a text."""

    def __init__(self, **options) -> None:
        self.letters = {chr(code): code for code in range(350)}
        super().__init__(bos_token="<s>", eos_token="</s>", pad_token="<pad>", **options)

    @property
    def vocab_size(self) -> int:
        return len(self.letters)

    def get_vocab(self) -> dict[str, int]:
        return self.letters | self.added_tokens_encoder

    def _tokenize(self, text: str, **_) -> list[str]:
        return list(text)

    def _convert_token_to_id(self, token: str) -> int:
        return self.letters.get(token, 0)

    def _convert_id_to_token(self, index: int) -> str:
        return chr(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return "".join(tokens)

    def build_inputs_with_special_tokens(self, ids: list[int], pair: None = None) -> list[int]:
        return [self.bos_token_id, *ids, self.eos_token_id]
