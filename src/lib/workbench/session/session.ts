import { createContext } from 'svelte';
import type { ModelClient } from './client.ts';
import { Conversation } from './conversation.svelte.ts';
import { Images, type ImagesParts } from './images.svelte.ts';
import { Models, type ModelsParts } from './models.svelte.ts';

export type SessionParts = ModelsParts & ImagesParts;

/** What all pages share, and what stays when the worker ends: the model and how it is run, the images, the conversation. */
export class Session {
	/** The loaded model's worker; for what pages compute themselves. */
	readonly client: ModelClient;
	readonly models: Models;
	readonly images: Images;
	readonly conversation: Conversation;

	constructor(parts: SessionParts) {
		this.client = parts.client;
		this.models = new Models(parts);
		this.images = new Images(parts);
		this.conversation = new Conversation(this);
	}

	/** Loads the model used last, and makes the sample scenes. */
	async start(): Promise<void> {
		await Promise.all([this.models.start(), this.images.start()]);
	}

	dispose(): void {
		this.images.dispose();
		this.models.dispose();
	}
}

export const [getSession, setSession] = createContext<Session>();
