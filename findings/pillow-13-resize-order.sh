#!/bin/sh
# Pillow 13.0.0 resizes tall pictures to other bytes than Pillow 12.3.0, so a vision-language model sees other pixels.
#
# Guess before the run: Image.resize(BICUBIC) gives the same bytes in both; nothing in how a call is written differs.
# What came out: up to 12 the columns are always resized first, with rounding to bytes between the two passes; 13 begins with the rows where
# the height shrinks by more than twice as many pixels as the width. Wide pictures are the same in both, tall ones are not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python >/dev/null
for version in 12.3.0 13.0.0; do python/bin/pip install -q --target "$version" "pillow==$version" 2>/dev/null; done
cat > resize.py <<'PY'
import hashlib, random, sys
sys.path.insert(0, sys.argv[1])
import PIL
from PIL import Image
random.seed(1)
tall = Image.frombytes("RGB", (37, 200), bytes(random.randrange(256) for _ in range(37 * 200 * 3)))
wide = tall.transpose(Image.Transpose.ROTATE_90)
for name, picture, size in (("tall", tall, (24, 126)), ("wide", wide, (126, 24))):
    resized = picture.resize(size, Image.Resampling.BICUBIC).tobytes()
    print(name, PIL.__version__, hashlib.sha256(resized).hexdigest()[:16])
    open(f"{name}-{PIL.__version__}", "wb").write(resized)
PY
python/bin/python resize.py 12.3.0 > seen.txt
python/bin/python resize.py 13.0.0 >> seen.txt
python/bin/python - >> seen.txt <<'PY'
for name in ("tall", "wide"):
    a, b = (open(f"{name}-{v}", "rb").read() for v in ("12.3.0", "13.0.0"))
    print(name, "bytes that differ:", sum(x != y for x, y in zip(a, b)), "of", len(a), "largest:", max(abs(x - y) for x, y in zip(a, b)))
PY
cat seen.txt
cat > expected.txt <<'TXT'
tall 12.3.0 31196fb8e1f98f19
wide 12.3.0 2f3792819bb41e2f
tall 13.0.0 3b4aec81f7539295
wide 13.0.0 2f3792819bb41e2f
tall bytes that differ: 2266 of 9072 largest: 9
wide bytes that differ: 0 of 9072 largest: 0
TXT
diff expected.txt seen.txt && echo 'As described.'
