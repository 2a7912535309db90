export { startEmbeddedPostgres } from './launcher.js';
