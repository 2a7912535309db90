/** How long a provider may keep us waiting, milliseconds. */
export interface Patience {
  /** For the first byte that says anything. */
  firstMs: number;
  /** For each next one. */
  nextMs: number;
}

export const PATIENCE: Patience = { firstMs: 10_000, nextMs: 5_000 };
