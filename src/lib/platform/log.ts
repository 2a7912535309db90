import { type LoggerService } from '@nestjs/common';
import pg from 'pg';
import pino, { type Logger } from 'pino';

/** The application's log: one JSON object a line on stdout. */
export abstract class Log {
  abstract error(fields: object, message: string): void;
  abstract warn(fields: object, message: string): void;
  abstract info(fields: object, message: string): void;
  abstract debug(fields: object, message: string): void;
  /** Writes out what is still in memory. */
  abstract flush(): void;
}

/**
 * Lines gather in memory and leave in blocks, a few times a second at the latest: a write for each request would cost
 * more than the rest of its logging.
 */
export function createLog(level: string): Log {
  const destination = pino.destination({ fd: 1, sync: false, minLength: 4096, periodicFlush: 200 });
  const logger: Logger = pino({ level, base: undefined, serializers: { err: describeError } }, destination);
  return Object.assign(logger, {
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        // Standard output is not open yet or already closed: the message has no other destination.
      }
    },
  });
}

/**
 * Reduces an error to its loggable parts. PostgreSQL puts values (phone numbers, names) into `message` and `detail`, so
 * its errors keep only the code and the location.
 */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = error.stack
    ?.split('\n')
    .filter((line) => line.startsWith('    at '))
    .join('\n');
  const database = error instanceof pg.DatabaseError ? error : (error as { driverError?: unknown }).driverError;
  if (database instanceof pg.DatabaseError) {
    const { code, constraint, table, routine } = database;
    return { name: 'DatabaseError', code, constraint, table, routine, frames };
  }
  return { name: error.name, message: error.message, code: (error as NodeJS.ErrnoException).code, frames };
}

/** Nest's own messages in our log; its chatter about modules and routes is debug. */
export function nestLogger(log: Log): LoggerService {
  const say =
    (level: 'error' | 'warn' | 'debug') =>
    (message: unknown, ...rest: unknown[]): void => {
      log[level]({ context: rest.at(-1) }, message instanceof Error ? message.message : String(message));
    };
  return { log: say('debug'), error: say('error'), warn: say('warn'), debug: say('debug'), verbose: say('debug') };
}
