/** The chat template that the hub's processor has of its own, for checkpoints whose tokenizer has none (revision of 2025-07, processing.py). */
export const processorTemplate = [
	'{%- if bos_token is defined and bos_token %}{{- bos_token }}{%- endif %}',
	"{{- 'The following is a conversation between a curious human and AI assistant. 당신은 Kakao에서 개발된 인공지능 언어모델이고 이름은 kanana입니다.\\nKnowledge Cutoff Date: June30, 2024.\\nCapabilities and Limitations:\\n   - I cannot search for external content such as weather, news, or the current date and time.\\n   - If a URL is provided, I cannot access it directly. Insteaed, please copy and provide the relevant content for me to process.\\n' }}",
	"{%- for message in messages %}{%- if message['role'] == 'system' %}{{- message['content'] }}{%- elif message['role'] == 'user' %}{{- 'Human: ' + message['content'] }}{%- elif message['role'] == 'assistant' %}{{- 'AI: ' + message['content'] + eos_token }}{%- endif %}{%- if not loop.last %}{{- '\\n' }}{%- endif %}{%- endfor %}",
	"{%- if add_generation_prompt %}{{- '\\nAI: ' }}{%- endif %}"
].join('');
