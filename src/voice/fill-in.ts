/** Puts variables in place of `{{name}}` and `{{ name }}`. One that is not given, or is no plain value, leaves nothing. */
export function fillIn(text: string, variables: Readonly<Record<string, unknown>>): string {
  // No part of the pattern can match what its neighbour does: hostile text takes no longer than other text.
  return text.replace(/\{\{([^{}]{1,200})\}\}/g, (_, inside: string) => {
    const name = inside.trim();
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  });
}
