"""Questions and answers about a scene, deterministic from (scene, round). Twin: src/lib/scenes/questions.ts."""
from __future__ import annotations

from dataclasses import dataclass

from . import scenes as S

CELL_NAMES = ["top left", "top center", "top right", "middle left", "center", "middle right",
              "bottom left", "bottom center", "bottom right"]
TASKS = ["existence", "counting", "attribute", "scene", "position", "relation", "localisation", "identity",
         "referring", "caption"]
SIDES = [("on the left", "on the right"), ("at the top", "at the bottom")]
RELATIONS = [("left of", "right of"), ("above", "below")]
MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Question:
    task: str
    question: str
    answer: str
    phrase: str = ""  # what upstream's grounding template asks for (referring only)


def article(name: str) -> str:
    return ("an " if name[0] in "aeiou" else "a ") + name


def coordinate(pixel: int) -> str:
    """Share of the image's side with two decimals, rounded half up."""
    v = (200 * pixel + S.IMAGE) // (2 * S.IMAGE)
    return f"{v // 100}.{v % 100:02d}"


def box_text(o: S.SceneObject) -> str:
    return "[" + ",".join(coordinate(v) for v in (o.x, o.y, o.x + o.size, o.y + o.size)) + "]"


def caption(scene: S.Scene) -> str:
    names = S.class_names()
    ordered = sorted(scene.objects, key=lambda o: (o.cell, o.y, o.x))
    parts = [f"a {'large' if o.large else 'small'} {names[o.cls]} at the {CELL_NAMES[o.cell]}" for o in ordered]
    return f"{', '.join(parts)} on a {S.BACKGROUNDS[scene.background][0]} background"


def questions(scene: S.Scene, round: int = 0) -> list[Question]:
    """At most one well-posed question per task, in the order of TASKS."""
    rng = S.Rng(S.scene_rng_seed(scene.split, scene.seed) ^ ((0x9E3779B9 * (round + 1)) & MASK))
    index = S.atlas_index()["classes"]
    objects = scene.objects
    counts = [0] * len(index)
    for o in objects:
        counts[o.cls] += 1
    unique = [o for o in objects if counts[o.cls] == 1]
    absent = [c for c in range(len(index)) if counts[c] == 0]
    out: list[Question] = []

    def name(c: int) -> str:
        return index[c]["name"]

    yes = rng.below(2) == 1
    c = objects[rng.below(len(objects))].cls if yes else absent[rng.below(len(absent))]
    out.append(Question("existence", f"Is there {article(name(c))}?", "yes" if yes else "no"))

    kind = rng.below(4)
    if kind == 0:
        out.append(Question("counting", "How many objects are there?", str(len(objects))))
    else:
        several = [c for c in range(len(index)) if counts[c] > 1]
        if kind == 1 and several:
            c = several[rng.below(len(several))]
        elif kind <= 2:
            c = objects[rng.below(len(objects))].cls
        else:
            c = absent[rng.below(len(absent))]
        out.append(Question("counting", f"How many {index[c]['plural']} are there?", str(counts[c])))

    if unique:
        o = unique[rng.below(len(unique))]
        out.append(Question("attribute", f"Is the {name(o.cls)} small or large?", "large" if o.large else "small"))

    out.append(Question("scene", "What color is the background?", S.BACKGROUNDS[scene.background][0]))

    sided = [(o, axis) for o in unique for axis in (0, 1) if abs((o.cy2 if axis else o.cx2) - S.IMAGE) >= 8]
    if sided:
        o, axis = sided[rng.below(len(sided))]
        side = 1 if (o.cy2 if axis else o.cx2) > S.IMAGE else 0
        yes = rng.below(2) == 1
        out.append(Question("position", f"Is the {name(o.cls)} {SIDES[axis][side if yes else 1 - side]}?",
                            "yes" if yes else "no"))

    pairs = [(a, b, axis) for a in unique for b in unique if a is not b for axis in (0, 1)
             if abs((a.cy2 - b.cy2) if axis else (a.cx2 - b.cx2)) >= 16]
    if pairs:
        a, b, axis = pairs[rng.below(len(pairs))]
        side = 1 if (a.cy2 > b.cy2 if axis else a.cx2 > b.cx2) else 0
        yes = rng.below(2) == 1
        out.append(Question("relation",
                            f"Is the {name(a.cls)} {RELATIONS[axis][side if yes else 1 - side]} the {name(b.cls)}?",
                            "yes" if yes else "no"))

    if unique:
        o = unique[rng.below(len(unique))]
        out.append(Question("localisation", f"Where is the {name(o.cls)}?", CELL_NAMES[o.cell]))

    single = [o for o in objects if sum(1 for p in objects if p.cell == o.cell) == 1]
    if single:
        o = single[rng.below(len(single))]
        out.append(Question("identity", f"What is at the {CELL_NAMES[o.cell]}?", name(o.cls)))

    if unique:
        o = unique[rng.below(len(unique))]
        out.append(Question("referring", f"Give the bounding box of the {name(o.cls)}.", box_text(o),
                            f"the {name(o.cls)}"))

    out.append(Question("caption", "Describe the image.", caption(scene)))
    return out
