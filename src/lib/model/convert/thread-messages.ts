import type { ThreadFailure } from '../../tensor/thread-failure.ts';

/** What a conversion asks of one of its threads: one thing at a time, until it is answered. */
export type ThreadTask =
	| { readonly kind: 'encode'; readonly call: number; readonly path: string; readonly write: boolean }
	| { readonly kind: 'hash'; readonly call: number; readonly path: string }
	| { readonly kind: 'cancel' };

/** Bytes done since the last answer, or the end. */
export type ThreadAnswer =
	| { readonly call: number; readonly bytes: number }
	| { readonly call: number; readonly sha256: string }
	| ({ readonly call: number } & ThreadFailure);
