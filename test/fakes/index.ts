export { LAB_RULES, type LabRule } from './chat.js';
export { type Fault, Faults, NAMED_FAULTS, SECRET, type Stage } from './faults.js';
export { FakeVendors, type LabOptions, type LabRequest, refusingUrl } from './fake-vendors.js';
export { hasFlite, SPEECH_RATE, type VoiceKind, Voices } from './voices.js';
export { readMultipart } from './multipart.js';
