// Renders every class in every style at 64 px into one atlas: rows are styles, columns are classes.
// Usage: npm install && node render.mjs   (writes ../../static/scenes/atlas.{png,json}; OUT=dir overrides)
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';

const require = createRequire(import.meta.url);
const out = process.env.OUT ?? join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../../static/scenes');
const SIZE = 64;

// name in the world -> icon name, and the word for several of them
const CLASSES = JSON.parse(readFileSync(new URL('./classes.json', import.meta.url), 'utf8'));
const STYLES = ['noto', 'twemoji', 'fluent-emoji-flat'];

const icon = (set, name) => {
  const data = set.icons[name] ?? set.icons[set.aliases?.[name]?.parent];
  if (data === undefined) throw new Error(`no icon ${name}`);
  return { body: data.body, w: data.width ?? set.width ?? 16, h: data.height ?? set.height ?? 16 };
};

let body = '';
STYLES.forEach((style, row) => {
  const set = require(`@iconify-json/${style}/icons.json`);
  CLASSES.forEach((c, column) => {
    const { body: inner, w, h } = icon(set, c.icon);
    // ids of gradients and clips must not collide between icons
    const scoped = inner.replace(/\bid="([^"]+)"/g, `id="s${row}c${column}-$1"`)
      .replace(/url\(#([^)]+)\)/g, `url(#s${row}c${column}-$1)`)
      .replace(/href="#([^"]+)"/g, `href="#s${row}c${column}-$1"`);
    body += `<svg x="${column * SIZE}" y="${row * SIZE}" width="${SIZE}" height="${SIZE}" viewBox="0 0 ${w} ${h}">${scoped}</svg>`;
  });
});
const width = CLASSES.length * SIZE;
const height = STYLES.length * SIZE;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}">${body}</svg>`;
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'atlas.png'), new Resvg(svg).render().asPng());
writeFileSync(join(out, 'atlas.json'), JSON.stringify({
  size: SIZE, styles: STYLES,
  classes: CLASSES.map((c) => ({ name: c.name, plural: c.plural, icon: c.icon })),
}, null, 1) + '\n');
console.log(`${CLASSES.length} classes x ${STYLES.length} styles, ${width}x${height}`);
