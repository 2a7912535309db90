export {
  Announcement,
  type AnnouncementEnd,
  type AnnouncementScript,
  MACHINE_CHOICES,
  type MachineChoice,
} from './announcement.js';
export { fillIn } from './fill-in.js';
export { type Line } from './line.js';
export { Speech, type SpeechOptions } from './speech.js';
