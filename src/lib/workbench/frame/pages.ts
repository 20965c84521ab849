/** A page of the workbench, as the navigation shows it. */
export interface Page {
	/** Below the site's root, without slashes at its ends; the empty one is the first page. */
	readonly path: string;
	readonly title: string;
	/** What is to be seen there, a phrase. */
	readonly shows: string;
}

/** All pages, in reading order. A new page is one line here and one folder in `src/routes`. */
export const pages: readonly Page[] = [
	{
		path: '',
		title: 'Start',
		shows: 'the image and its visual tokens, where to begin, and the model’s description'
	},
	{ path: 'locality', title: 'Locality', shows: 'what each visual token sees of the image' },
	{ path: 'offsets', title: 'Offsets', shows: 'where a deformable projector samples, layer by layer' },
	{ path: 'anatomy', title: 'Anatomy', shows: 'what each stage of a projector adds to a token’s map' },
	{
		path: 'answer',
		title: 'Answer',
		shows:
			'where each word of an answer looks; visual tokens changed by hand; what the language model reads in them'
	},
	{
		path: 'scenes',
		title: 'Scenes',
		shows: 'scenes composed by hand: answers that follow, sweeps along a path'
	},
	{
		path: 'compare',
		title: 'Side by side',
		shows: 'two to four projectors: answers, maps, likeness of tokens, times'
	},
	{
		path: 'benchmarks',
		title: 'Benchmarks',
		shows: 'accuracy and time against the number of visual tokens; what is right and wrong'
	},
	{
		path: 'recipe',
		title: 'Data recipe',
		shows: 'the fine-tuning mixture, templates and turns, tokens that are trained on, ablations'
	},
	{
		path: 'models',
		title: 'Models',
		shows: 'checkpoints converted here, models in this browser, what this machine can run'
	},
	{ path: 'gallery', title: 'Gallery', shows: 'every figure, made of the model and image of now' },
	{ path: 'notebook', title: 'Notebook', shows: 'text, code and the live model in one document' }
];
