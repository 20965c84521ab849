/** The sandboxed frame of a notebook. It has no origin, no storage and no network; all it has is a port to the page. */
import './no-rtc.ts';
import type { ToFrame } from '../protocol.ts';
import { Connection } from './connection.ts';
import { NotebookView } from './notebook.ts';

const root = document.querySelector('main')!;
let snapshotOf: (() => string) | undefined;

addEventListener('message', function hello({ source, ports, data }: MessageEvent<unknown>) {
	const [port] = ports;
	if (source !== parent || data !== 'honeybee-notebook' || !port) return;
	removeEventListener('message', hello);
	const connection = new Connection(port, receive);
	const view = new NotebookView(root, connection);
	snapshotOf = () => view.outputs();
	root.addEventListener('click', (event) => follow(event, (href) => connection.send({ type: 'link', href })));
	document.addEventListener('dragover', (event) => event.preventDefault());
	document.addEventListener('drop', (event: DragEvent) => {
		const files = [...(event.dataTransfer?.files ?? [])];
		if (files.length === 0) return;
		event.preventDefault();
		connection.send({ type: 'attach', files });
	});
	connection.send({ type: 'ready' });

	function receive(message: ToFrame) {
		if (message.type === 'open') {
			view.setTheme(message.dark);
			view.open(message);
		} else if (message.type === 'files') view.setFiles(message.files);
		else if (message.type === 'theme') view.setTheme(message.dark);
		else if (message.type === 'subject') view.setSubject(message.subject);
		else if (message.type === 'editable') view.setEditable(message.editable);
		else if (message.type === 'run') view.runAll();
		else if (message.type === 'stop') view.stopAll();
		else if (message.type === 'ping') connection.send({ type: 'pong', id: message.id });
		else if (message.type === 'snapshot')
			connection.send({ type: 'snapshot', id: message.id, html: snapshotOf?.() ?? '' });
	}
});

/** Links within the notebook go there; the page asks about others, since the frame opens no windows. */
function follow(event: MouseEvent, outside: (href: string) => void): void {
	const link = (event.target as Element).closest('a[href]');
	const href = link?.getAttribute('href');
	if (href === null || href === undefined) return;
	event.preventDefault();
	if (!href.startsWith('#')) return outside(href);
	document.getElementById(`user-content-${href.slice(1)}`)?.scrollIntoView();
}
