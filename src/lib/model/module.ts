import type { Graph } from '../onnx/graph.ts';
import type { Dim, Value } from '../onnx/types.ts';
import { encodeValues, type FloatType } from '../kernels/encode.ts';
import type { StateDict } from './state-dict.ts';

/** How a submodule is called where its name is another: '' adds nothing to that path. */
export interface ModuleNames {
	/** Part of the node names, with `/` between levels. */
	readonly scope?: string;
	/** Part of the checkpoint's keys. */
	readonly key?: string;
	/** Part of the trace names. */
	readonly trace?: string;
}

const join = (path: string, name: string) => (path && name ? `${path}.${name}` : path || name);

/**
 * A module of upstream's model while its graph is built: where its nodes stand in the graph, its weights in the checkpoint
 * and its outputs in a trace. `at` descends in all three at once, so that they cannot part.
 *
 *   new Module(graph, state, {key: 'abstractor', trace: 'proj'}).at('layers.0', {trace: 'layer0'}).at('fc1')
 *     nodes `layers.0/fc1/…`, weights `abstractor.layers.0.fc1.…`, outputs `proj.layer0.fc1…`
 */
export class Module {
	/** The graph, with the module's path before the names of new nodes. */
	readonly graph: Graph;
	readonly state: StateDict;
	/** Path in the checkpoint. */
	readonly key: string;
	readonly #trace: string;

	constructor(graph: Graph, state: StateDict, { scope = '', key = '', trace = '' }: ModuleNames) {
		this.graph = scope ? graph.scope(scope) : graph;
		this.state = state;
		this.key = key;
		this.#trace = trace;
	}

	/** The submodule `name`, as upstream calls it (dots descend several levels). */
	at(name: string, { scope = name, key = name, trace = name }: ModuleNames = {}): Module {
		return new Module(this.graph, this.state, {
			scope,
			key: join(this.key, key),
			trace: join(this.#trace, trace)
		});
	}

	/**
	 * The tensor of this key, of shape `stored` in the checkpoint; `dims` gives the same values another shape.
	 * @throws InputError when the checkpoint has no such tensor
	 */
	parameter(
		stored: readonly number[],
		{ dims = stored, type = 'float32' }: { dims?: readonly number[]; type?: FloatType } = {}
	): Value {
		const { state, key } = this;
		state.expect(key, stored);
		return this.graph.weight({
			name: key,
			dtype: type,
			dims,
			async *pieces() {
				yield* encodeValues(await state.reader(key), type);
			}
		});
	}

	/** Name in a trace of what this module calls `name`; '' is what the module gives. */
	traceName(name: string): string {
		return join(this.#trace, name);
	}

	/** Declares a trace output of this module. */
	trace(name: string, value: Value, dims: readonly Dim[]): void {
		this.graph.output(this.traceName(name), value, dims);
	}
}
