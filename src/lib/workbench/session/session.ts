import { createContext } from 'svelte';
import type { ModelClient } from './client.ts';
import { Conversation, type ConversationKeeping } from './conversation.svelte.ts';
import { ImageSets, type ImageSetsParts } from './image-sets.svelte.ts';
import { Images, type ImagesParts } from './images.svelte.ts';
import { Models, type ModelsParts } from './models.svelte.ts';

export type SessionParts = ModelsParts &
	ImagesParts &
	Pick<ImageSetsParts, 'ruledScenes' | 'keptSets'> & { readonly keeping?: ConversationKeeping };

/** What all pages share, and what stays when the worker ends: the model and how it is run, the images, the conversation. */
export class Session {
	/** The loaded model's worker; for what pages compute themselves. */
	readonly client: ModelClient;
	readonly models: Models;
	readonly images: Images;
	/** Sets of images that figures are taken over. */
	readonly sets: ImageSets;
	readonly conversation: Conversation;

	constructor(parts: SessionParts) {
		this.client = parts.client;
		this.models = new Models(parts);
		this.images = new Images(parts);
		const { client, models, images } = this;
		this.sets = new ImageSets({ ...parts, images });
		this.conversation = new Conversation({ client, models, images, keeping: parts.keeping });
	}

	/** Loads the model used last, makes the sample scenes, and brings the conversation back. */
	async start(): Promise<void> {
		const { models, images, conversation } = this;
		await Promise.all([models.start(), images.start().then(() => conversation.start()), this.sets.start()]);
	}

	dispose(): void {
		this.images.dispose();
		this.models.dispose();
	}
}

export const [getSession, setSession] = createContext<Session>();
