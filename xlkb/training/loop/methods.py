"""What the methods of fine-tuning train of a network: all of it, or low-rank adapters beside it."""

import peft
from transformers import PreTrainedModel

from xlkb.training.recipes import Recipe


def applied(network: PreTrainedModel, recipe: Recipe) -> PreTrainedModel:
    """The network with what the recipe trains, and only that, requiring gradients."""
    if recipe.method != "full":
        lora = peft.LoraConfig(
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        return peft.get_peft_model(network, lora)
    network.requires_grad_(True)
    if recipe.freeze_embedding:
        network.get_input_embeddings().requires_grad_(False)
    return network
