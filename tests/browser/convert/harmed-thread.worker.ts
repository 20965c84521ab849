import { serveConversion } from '../../../src/workers/convert/thread.ts';
import { limitStorage } from './full-storage.ts';

/** A thread of a conversion that can be told to go wrong; what it does not know, the conversion knows. */
type Harm =
	{ readonly kind: 'end' } | { readonly kind: 'fail' } | { readonly kind: 'room'; readonly room: number };

const setRoom = limitStorage();

addEventListener('message', (event: MessageEvent<Harm | { readonly kind?: undefined }>) => {
	const { data } = event;
	if (data.kind !== 'end' && data.kind !== 'fail' && data.kind !== 'room') return;
	event.stopImmediatePropagation();
	// Without a message: what is left to notice is the lock that ends with it.
	if (data.kind === 'end') close();
	if (data.kind === 'fail') throw new Error('a fault in a thread');
	if (data.kind === 'room') setRoom(data.room);
});

serveConversion();
