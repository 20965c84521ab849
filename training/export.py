"""python -m training.export --run DIR --out DIR

Writes one folder per projector in upstream's layout (`<name>/last` and the two config files above it), with the same vision
tower and LM in all of them, and `reference.json` with PyTorch's own answers for tests of converted models.
"""
from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from .bundle import Bundle, load
from .common import setup
from .data import scenes as S
from .data.questions import questions
from .data.text import EOS, IMAGE_TOKEN, free_prompt
from .model.honeybee import greedy, splice
from .model.projectors import visual_embeds
from .tune import features_of

VERSION = "4.38.1"


def configs(b: Bundle, name: str) -> tuple[dict, dict]:
    """(config.json, exp_config.yaml)"""
    v = dict(b.vision.config)
    projector = dict(b.configs[name])
    if projector["projector_type"] == "d-abs":
        projector.update(num_queries=projector["num_query_tokens"], activation_function="relu", dropout=0.1,
                         initializer_range=0.02, manual_init_refPoints=True, learnable_mRP=True,
                         use_pretrained_backbone=False, disable_custom_kernels=False)
    if projector["projector_type"] == "resampler":
        projector.update(attention_probs_dropout_prob=0.1, initializer_range=0.02)
    vision = {"pretrained_vision_name_or_path": "honeybee-mini/vision", "encoder_type": "openai.clip"}
    lm = {"pretrained_lm_name_or_path": "honeybee-mini/language",
          "pretrained_tokenizer_name_or_path": "honeybee-mini/tokenizer"}
    config = {
        "architectures": ["HoneybeeForConditionalGeneration"],
        "lm_config": lm,
        "projector_config": {**projector, "encoder_hidden_size": v["hidden_size"],
                             "output_hidden_size": b.language_config["hidden_size"]},
        "text_config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **b.language_config,
                        "hidden_act": "silu", "attention_bias": False, "rope_scaling": None, "bos_token_id": 1,
                        "eos_token_id": EOS, "pad_token_id": 0, "tie_word_embeddings": False, "use_cache": True,
                        "torch_dtype": "float32"},
        "torch_dtype": "float32", "transformers_version": VERSION,
        "vision_config": {"architectures": ["CLIPVisionModel"], **vision, **v, "attention_dropout": 0.0,
                          "initializer_factor": 1.0, "initializer_range": 0.02, "torch_dtype": "float32"},
    }
    experiment = {"model_config": {"vision_config": vision, "projector_config": projector, "lm_config": lm},
                  "image_size": v["image_size"], "data_config": {"template": {"name": "honeybee_default"}}}
    return config, experiment


def write_checkpoint(b: Bundle, name: str, out: Path) -> None:
    last = out / name / "last"
    last.mkdir(parents=True, exist_ok=True)
    tensors = {f"vision_model.{k}": t for k, t in b.vision.state_dict().items()}
    tensors |= {f"language_model.{k}": t for k, t in b.lm.state_dict().items()}
    tensors |= {f"abstractor.{k}": t for k, t in b.projectors[name].state_dict().items()}
    save_file({k: t.detach().float().cpu().contiguous() for k, t in tensors.items()}, last / "model.safetensors",
              metadata={"format": "pt"})
    config, experiment = configs(b, name)
    for folder in (last, last.parent):
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (last / "generation_config.json").write_text(json.dumps(
        {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": 0,
         "transformers_version": VERSION}, indent=2) + "\n")
    (last.parent / "exp_config.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
    for file in ("tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(b.tokenizer.folder / file, last / file)


@torch.no_grad()
def answer(b: Bundle, visual: torch.Tensor, question: str, limit: int = 64) -> tuple[list[int], list[int]]:
    """(prompt ids, greedy ids without eos) for one image's visual tokens [1, M, O]."""
    ids = b.prompt_ids(question, visual.shape[1])
    embeds = splice(b.lm, torch.tensor([ids], device=visual.device).clamp(min=0), ids.index(IMAGE_TOKEN), visual)
    return ids, greedy(b.lm, embeds, limit)


def reference(b: Bundle, out: Path, device, count: int, shown: int) -> None:
    scenes = [S.generate_scene(i, "test") for i in range(count)]
    features = features_of(b.vision, scenes, device)
    folder = out / "scenes"
    folder.mkdir(exist_ok=True)
    items, ids = [], []
    for i, scene in enumerate(scenes):
        Image.fromarray(S.render_scene(scene)).save(folder / f"test-{scene.seed}.png")
        asked = questions(scene)
        q = asked[i % len(asked)]
        answers = {}
        for name, projector in b.projectors.items():
            tokens = b.configs[name]["num_query_tokens"]
            prompt_ids, generated = answer(b, visual_embeds(projector, features[i:i + 1], tokens), q.question)
            answers[name] = b.tokenizer.decode(generated)
            if i < shown:
                ids.append({"seed": scene.seed, "projector": name, "prompt": free_prompt([(q.question, "")]),
                            "prompt_ids": prompt_ids, "generated_ids": generated})
        items.append({"seed": scene.seed, "image": f"scenes/test-{scene.seed}.png", "task": q.task,
                      "question": q.question, "truth": q.answer, "answers": answers})
    (out / "reference.json").write_text(json.dumps(
        {"split": "test", "prompt": "free-form, single turn", "decoding": "greedy, at most 64 new tokens, ends at </s>",
         "items": items, "ids": ids}, indent=1) + "\n")


def main() -> None:
    p = argparse.ArgumentParser(description="Write upstream-layout checkpoints of a trained run.")
    p.add_argument("--run", type=Path, required=True)
    p.add_argument("--stage", default="tune", help="checkpoint of the run: tune or align")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--reference", type=int, default=200, help="held-out scenes with PyTorch's answers")
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    device = setup(args.threads)
    b = load(args.run, device, args.stage)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in b.projectors:
        write_checkpoint(b, name, args.out)
    reference(b, args.out, device, args.reference, shown=5)
    log = args.run / "log.jsonl"
    if log.exists():
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        (args.out / "training_log.json").write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
