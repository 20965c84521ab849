/**
 * Takes WebRTC out of the frame, first of all: browsers know no word for it in a content security policy (`webrtc 'block'` does nothing in Chromium 156), and it reaches any address.
 * Cells have no other realm to take it from: the policy lets frames within the frame run no script, and none of them has the frame's origin.
 */
for (const name of Object.getOwnPropertyNames(globalThis))
	if (/^(webkit|moz)?RTC/.test(name)) delete (globalThis as unknown as Record<string, unknown>)[name];
