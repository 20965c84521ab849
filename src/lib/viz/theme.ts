import type { Theme } from './palette.ts';

/** The page's theme now: `data-theme` on the root element, else what the system asks for. */
function currentTheme(): Theme {
	const chosen = document.documentElement.dataset.theme;
	if (chosen === 'light' || chosen === 'dark') return chosen;
	return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Calls back with the theme now and at every change. Returns what ends it. */
export function watchTheme(callback: (theme: Theme) => void): () => void {
	const tell = () => callback(currentTheme());
	const system = matchMedia('(prefers-color-scheme: dark)');
	const chosen = new MutationObserver(tell);
	system.addEventListener('change', tell);
	chosen.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
	tell();
	return () => {
		system.removeEventListener('change', tell);
		chosen.disconnect();
	};
}
