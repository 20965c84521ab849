/**
 * Reverse-mode differentiation of a stored graph: vector–Jacobian products of one of its values by one of its inputs, for many vectors at
 * once. The values that derivatives are taken at are computed once for all of them.
 */
import { derivatives, type Derivative, type Gradient } from './derivatives.ts';
import { Graph, innerInitializer, nodeBytes, portBytes } from './graph.ts';
import { readModelFile, withChanges, withOutputs, type FileNode } from './model-file.ts';
import { Add, Expand } from './ops.ts';
import { inferShapes, type Known } from './shapes.ts';
import type { Value } from './types.ts';

export interface GradientOf {
	/** The value that is differentiated: made by a node, float32 as all on the way to it. */
	readonly of: string;
	/** The input that it is differentiated by, float32. */
	readonly by: string;
	/** Shapes of all inputs, and the numbers of those that shapes are computed from. */
	readonly inputs: ReadonlyMap<string, Known>;
	/**
	 * The vectors: makes them, [vector, …dims of the value], out of inputs that it declares.
	 * @param dims of the value
	 */
	readonly vectors: (g: Graph, dims: readonly number[]) => Value;
	/** Takes what is wanted from the products [vector, …dims of the input] and declares it as outputs. */
	readonly results: (g: Graph, products: Value, dims: readonly number[]) => void;
}

/** Names of what is added, which no path of a model begins with. */
const SCOPE = 'gradient';

/**
 * The graph that computes vectorᵀ · ∂of/∂by, over the same weights.
 *
 *   inputs ─ the graph's own nodes ─ values ┐
 *   vectors ─────────────────────────────── derivatives of the nodes, last to first ─ products
 *
 * @throws RangeError when an operator on the way has no derivative here, when a shape on the way is not known, or when the value does not
 * depend on the input
 */
export function gradientGraph(model: Uint8Array, wanted: GradientOf): Uint8Array {
	const { nodes, initializers } = readModelFile(model);
	const shapes = inferShapes(nodes, initializers, wanted.inputs);
	const active = dependents(nodes, wanted.by);
	const dims = (name: string): readonly number[] => {
		const known = shapes.get(name);
		if (!known)
			throw new RangeError(`The shape of "${name}" is not known, so nothing can be derived from it.`);
		return known.dims;
	};
	if (!active.has(wanted.of)) throw new RangeError(`"${wanted.of}" does not depend on "${wanted.by}".`);

	const g = new Graph(SCOPE, SCOPE);
	const gradients = new Map<string, Gradient[]>([
		[wanted.of, [{ value: wanted.vectors(g.scope('vectors'), dims(wanted.of)), spread: false }]]
	]);
	for (const node of [...nodes].reverse()) {
		const [output = ''] = node.outputs;
		const gathered = gradients.get(output);
		if (!gathered || !node.inputs.some((name) => active.has(name))) continue;
		const derivative: Derivative | undefined = derivatives[node.op];
		if (!derivative || node.outputs.slice(1).some((name) => gradients.has(name)))
			throw new RangeError(`The derivative of the operator ${node.op} (${node.name}) is not known.`);
		const scope = g.scope(node.name);
		const made = derivative({
			...{ g: scope, node, dims },
			gradient: whole(scope.scope('sum'), gathered, dims(output)),
			known: (name) => shapes.get(name),
			wants: (i) => active.has(node.inputs[i] ?? '')
		});
		gradients.delete(output);
		made.forEach((gradient, i) => {
			const name = node.inputs[i] ?? '';
			if (!gradient || !active.has(name)) return;
			gradients.set(name, [...(gradients.get(name) ?? []), gradient]);
		});
	}
	const products = gradients.get(wanted.by)!;
	wanted.results(g.scope('results'), whole(g.scope('sum'), products, dims(wanted.by)), dims(wanted.by));

	const { inputs, outputs } = g.ports();
	// Constants of the graph may have the same names.
	const own = (name: string) => (g.constants.has(name) ? `${SCOPE}/${name}` : name);
	const joined = withChanges(model, {
		nodes: [
			...nodes.map(({ bytes }) => bytes),
			...g.nodes().map((node) => nodeBytes({ ...node, inputs: node.inputs.map(own) }))
		],
		initializers: [
			...initializers.map(({ bytes }) => bytes),
			...[...g.constants].map(([name, value]) => innerInitializer(own(name), value))
		],
		moreInputs: inputs.map(portBytes)
	});
	return withOutputs(
		joined,
		outputs.map(({ name }) => name)
	);
}

/** The sum of what reached a value, [vector, …dims]. */
function whole(g: Graph, parts: readonly Gradient[], dims: readonly number[]): Value {
	const sum = parts.map(({ value }) => value).reduce((a, b) => Add(g, a, b));
	return parts.every(({ spread }) => spread) ? Expand(g, sum, g.ints([1, ...dims])) : sum;
}

/** Names of the values that depend on an input by their numbers, itself included. */
function dependents(nodes: readonly FileNode[], input: string): ReadonlySet<string> {
	const active = new Set([input]);
	for (const { op, inputs, outputs } of nodes)
		if (op !== 'Shape' && inputs.some((name) => active.has(name)))
			for (const name of outputs) if (name !== '') active.add(name);
	return active;
}
