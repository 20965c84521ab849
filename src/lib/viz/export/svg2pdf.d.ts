declare module 'svg2pdf.js/dist/svg2pdf.es.js' {
	export { svg2pdf } from 'svg2pdf.js';
}
