/** The notebooks that come with the workbench, in reading order. */
export interface ShippedNotebook {
	/** File in `notebooks/` below the site's root, without extension. */
	readonly name: string;
	readonly title: string;
	readonly shows: string;
}

export const shipped: readonly ShippedNotebook[] = [
	{
		name: 'locality',
		title: 'Which projector keeps places?',
		shows: 'locality maps of all projectors, measured'
	},
	{ name: 'flexibility', title: 'Any number of tokens', shows: 'one projector at many M' },
	{ name: 'offsets', title: 'Where the D-Abstractor looks', shows: 'sampling offsets and what moves them' },
	{
		name: 'structure',
		title: 'What the architecture ties together',
		shows: 'exact maps, joined places, attention and nesting, as far as the model has them'
	},
	{ name: 'tokens', title: 'What tokens cost and what they buy', shows: 'accuracy and time by M' },
	{ name: 'data', title: 'The data recipe', shows: 'how the embedded model was trained and what it reached' },
	{ name: 'own-projector', title: 'Bring your own projector', shows: 'measures for a map of your own making' }
];
