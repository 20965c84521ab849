/** What transformers' LlamaConfig takes for a field that config.json leaves out, where a decoder's own sizes cannot be told otherwise. */
export const llamaDefaults = {
	vocab_size: 32000,
	hidden_size: 4096,
	intermediate_size: 11008,
	num_hidden_layers: 32,
	num_attention_heads: 32,
	rms_norm_eps: 1e-6,
	max_position_embeddings: 2048,
	bos_token_id: 1,
	eos_token_id: 2
} as const;
