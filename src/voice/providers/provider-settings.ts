import { type OutboundGuard } from '../../lib/platform/index.js';
import { ProviderError } from './ports.js';

/** The choice of one provider, as settings and agents hold it. */
export interface ProviderSettings {
  /** A key of the tables in `providers.ts`. */
  kind: string;
  /** Base URL with its version, such as `http://127.0.0.1:8000/v1`; default: the vendor's. */
  baseUrl?: string;
  apiKey?: string;
  model?: string;
  voice?: string;
  /** Refuses addresses that are not public, for URLs that customers give. */
  guard?: OutboundGuard;
}

const FIELDS = ['kind', 'baseUrl', 'apiKey', 'model', 'voice', 'guard'];
/** Rule of a text that goes into a header. */
const KEY = /^[\x21-\x7e]{1,1000}$/;
const NAME = /^[^\p{Cc}]{1,200}$/u;

/** @throws ProviderError `refused` that names the problem without the value */
export function checkSettings(settings: ProviderSettings): void {
  const wrong = Object.keys(settings).find((field) => !FIELDS.includes(field));
  if (wrong !== undefined) throw new ProviderError('refused', `A provider has no setting “${wrong.slice(0, 50)}”`);
  const { baseUrl, apiKey, model, voice } = settings;
  if (baseUrl !== undefined && !isBase(baseUrl))
    throw new ProviderError('refused', 'baseUrl must be an http or https address without user, query and fragment');
  if (apiKey !== undefined && !KEY.test(apiKey))
    throw new ProviderError('refused', 'apiKey must be up to 1000 visible ASCII characters');
  for (const [field, value] of Object.entries({ model, voice }))
    if (value !== undefined && !NAME.test(value))
      throw new ProviderError('refused', `${field} must be up to 200 characters in one line`);
}

function isBase(address: string): boolean {
  if (!URL.canParse(address) || address.length > 2_000) return false;
  const { protocol, username, password } = new URL(address);
  return /^https?:$/.test(protocol) && username === '' && password === '' && !/[?#]/.test(address);
}
