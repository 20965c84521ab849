"""python -m training.fixtures: writes tests/unit/scenes/scenes.json, which the TypeScript twin must reproduce."""
import hashlib
import json
from pathlib import Path

from .data import scenes as S
from .data.questions import questions

OUT = Path(__file__).resolve().parents[1] / "tests" / "unit" / "scenes" / "scenes.json"


def main() -> None:
    rows = []
    for split, count in (("train", 60), ("test", 120), ("style", 60), ("size", 60)):
        for k in range(count):
            seed = k if k < count // 2 else (k * 7919 * 4099) % S.SEED_LIMIT
            scene = S.generate_scene(seed, split)
            round = k % 3
            rows.append({
                "split": split, "seed": seed, "background": scene.background,
                "objects": [[o.cls, o.style, o.size, int(o.large), o.x, o.y] for o in scene.objects],
                "rgb": hashlib.sha256(S.render_scene(scene).tobytes()).hexdigest(),
                "round": round, "questions": [[q.task, q.question, q.answer] for q in questions(scene, round)],
            })
    OUT.write_text("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")


if __name__ == "__main__":
    main()
