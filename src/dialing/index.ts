export { DialingModule } from './dialing.module.js';
