/** Where a tensor's values lie that another runtime holds in memory that the processor reads. */
export abstract class ForeignPlace {
	/** All of its values, as the tensor's type has them: to be copied at once. */
	abstract bytes(): Uint8Array;
}
