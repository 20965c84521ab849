import { escapeHtml } from '$lib/workbench/frame/html.ts';

/** One HTML file that opens without the workbench and without a network: what is shown, no scripts. */
export function snapshotPage(title: string, body: string): string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'">
<title>${escapeHtml(title)}</title>
<style>
body { max-width: 46rem; margin: 2rem auto; padding: 0 1.5rem; background: #fdfcfa; color: #1d1c1a; line-height: 1.5;
	font-family: -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; font-variant-numeric: tabular-nums; }
svg, img { max-width: 100%; height: auto; }
section { margin: 1rem 0; overflow-x: auto; }
pre, code { font-family: ui-monospace, Menlo, monospace; font-size: 0.85em; }
table { border-collapse: collapse; } th, td { padding: 0.15rem 0.9rem 0.15rem 0; text-align: left; }
.error { color: #9f2f14; }
</style>
</head>
<body>
${body}
</body>
</html>
`;
}
