/** The thread that carries all media of the process: work of the main thread must not delay a packet. */
import { parentPort, workerData } from 'node:worker_threads';
import { MediaHost } from './media-host.js';
import { type MediaCommands, type MediaHostOptions } from './media-messages.js';

if (!parentPort) throw new Error('the media worker runs in a worker thread only');
const port = parentPort;
const host = new MediaHost(workerData as MediaHostOptions, (message, transfer) => {
  port.postMessage(message, transfer);
});

port.on('message', (commands: MediaCommands) => {
  // The thread ends by itself once nothing is open any more.
  if (commands === 'shutdown')
    void host.closeAll().finally(() => {
      port.close();
    });
  else for (const command of commands) host.handle(command);
});
