import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The path of a worker thread's script. Tests run the sources, which a thread cannot load: they use the built script. */
export function workerFile(script: URL): string {
  const path = fileURLToPath(script);
  return existsSync(path) ? path : path.replace(/([\\/])src([\\/])(?!.*[\\/]src[\\/])/, '$1dist$2');
}
