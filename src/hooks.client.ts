import type { HandleClientError } from '@sveltejs/kit';

/** What no page expected goes to the console; an address that leads nowhere is no fault and has a page of its own. */
export const handleError: HandleClientError = ({ error, status, message }) => {
	if (status !== 404) console.error(error);
	return { message };
};
