/** The cause of events that dialing appends. */
export const DIALING_CAUSE = { service: 'dispatcher' };
