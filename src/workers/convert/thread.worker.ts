import { serveConversion } from './thread.ts';

serveConversion();
