import { serveConversion } from './conversion-thread.ts';

serveConversion();
