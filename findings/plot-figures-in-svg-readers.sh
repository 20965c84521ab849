#!/bin/sh
# What programs that turn SVG into pixels make of a figure of Observable Plot 0.6.17, saved as it stands on a page (`svg.outerHTML`).
#
# Guess before the run: all draw a filled rectangle and clip it; resvg and CairoSVG smooth an image that is `pixelated`, librsvg does not; CairoSVG
# and MuPDF do not know blend modes.
# What came out (a square of 80 × 80 pixels; sharp 0.35.5 is librsvg; f00 is red):
#  - CairoSVG 2.9.1 leaves every figure empty, without an error: it obeys `height: auto` in the style sheet that Plot puts into each figure. Without
#    that line it draws;
#  - PyMuPDF 2.0 paints `currentColor` black where the colour stands in the figure's `style`, and does not clip to the frame: a mark that ends outside
#    runs over the margin;
#  - `rgb(0 128 255 / 50%)` is opaque black in @resvg/resvg-js 2.6.2 and opaque blue in PyMuPDF: librsvg alone reads it;
#  - a `pixelated` image of 2 × 2 has its four colours in librsvg alone; resvg and MuPDF smooth them into one another, so that a map of attention
#    shows values which no patch has;
#  - the blend mode is as guessed.
# Needs cairo's library (Debian: libcairo2).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python >/dev/null
python/bin/pip install -q cairosvg==2.9.1 pymupdf==2.0 pillow==12.0.0 2>/dev/null
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @observablehq/plot@0.6.17 jsdom@26.1.0 @resvg/resvg-js@2.6.2 sharp@0.35.5 >/dev/null
cat > make.mjs <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
import * as Plot from '@observablehq/plot';
import { Resvg } from '@resvg/resvg-js';
import { JSDOM } from 'jsdom';
import sharp from 'sharp';
const { document } = new JSDOM('').window;
const all = (options) => Plot.rect([0], { x1: 0, x2: 8, y1: 0, y2: 8, ...options });
const figures = {
	fill: [[all({ fill: 'currentColor' })], { style: { color: '#00aa00' } }],
	clip: [[Plot.rect([0], { x1: -4, x2: 20, y1: 0, y2: 8, fill: '#ff0000', clip: 'frame' })], { margin: 20 }],
	slash: [[all({ fill: 'rgb(0 128 255 / 50%)' })], {}],
	blend: [[all({ fill: '#ffff00' }), all({ fill: '#00ffff', mixBlendMode: 'multiply' })], {}],
	pixels: [
		[
			Plot.image([[4, 4]], {
				src: () => 'data:image/png;base64,' + readFileSync('four.png').toString('base64'),
				...{ width: 80, height: 80, imageRendering: 'pixelated' }
			})
		],
		{}
	]
};
for (const [name, [marks, options]] of Object.entries(figures)) {
	const scale = { domain: [0, 8], axis: null };
	const figure = Plot.plot({ document, width: 80, height: 80, margin: 0, x: scale, y: scale, marks, ...options });
	figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
	const text = figure.outerHTML;
	writeFileSync(`${name}.svg`, text);
	writeFileSync(`${name}.resvg.png`, new Resvg(text, { background: 'white' }).render().asPng());
	await sharp(Buffer.from(text)).flatten({ background: 'white' }).png().toFile(`${name}.sharp.png`);
}
JS
cat > see.py <<'PY'
import cairosvg, pymupdf
from PIL import Image

PLACES = {"fill": (40, 40), "clip": (4, 40), "slash": (40, 40), "blend": (40, 40), "pixels": (30, 30)}
plain = open("fill.svg").read().replace("height: auto;", "").replace("height: intrinsic;", "")
open("plain.svg", "w").write(plain)
cairosvg.svg2png(url="plain.svg", write_to="plain.png", background_color="white")
for name, place in PLACES.items():
    cairosvg.svg2png(url=f"{name}.svg", write_to=f"{name}.cairosvg.png", background_color="white")
    pymupdf.open(f"{name}.svg")[0].get_pixmap(alpha=False).save(f"{name}.mupdf.png")
    seen = []
    for tool in ("sharp", "resvg", "cairosvg", "mupdf"):
        picture = Image.open(f"{name}.{tool}.png").convert("RGB")
        # To sixteenths, so that another rounding is no other result.
        seen.append(f"{tool} " + "".join(f"{min(15, round(v / 17)):x}" for v in picture.getpixel(place)))
    print(f"{name}: " + ", ".join(seen))
print("fill without height: auto: cairosvg " + "".join(f"{v // 17:x}" for v in Image.open("plain.png").convert("RGB").getpixel((40, 40))))
PY
python/bin/python -c "
from PIL import Image
four = Image.new('RGB', (2, 2)); four.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]); four.save('four.png')"
node make.mjs
python/bin/python -W ignore see.py > seen.txt
cat seen.txt
cat > expected.txt <<'TXT'
fill: sharp 0a0, resvg 0a0, cairosvg fff, mupdf 000
clip: sharp fff, resvg fff, cairosvg fff, mupdf f00
slash: sharp 7bf, resvg 000, cairosvg fff, mupdf 08f
blend: sharp 0f0, resvg 0f0, cairosvg fff, mupdf 0ff
pixels: sharp f00, resvg 944, cairosvg fff, mupdf 944
fill without height: auto: cairosvg 0a0
TXT
diff expected.txt seen.txt && echo 'As described.'
