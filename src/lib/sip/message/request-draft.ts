/** A request before it is known which way it goes: without Via and Contact. */
export interface RequestDraft {
  method: string;
  uri: string;
  /** With tag. */
  from: string;
  /** With tag, in a dialog. */
  to: string;
  callId: string;
  cseq: number;
  routes?: readonly string[];
  headers?: Readonly<Record<string, string | number | readonly string[]>>;
  sdp?: string;
}
