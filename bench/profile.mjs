// Reads a V8 CPU profile: how much time went where, callees not counted.

/** Groups of code by where it lies; the first match counts. */
const PLACES = [
  ['class-validator, class-transformer', /node_modules\/(class-validator|class-transformer|validator)\//],
  ['Nest', /node_modules\/(@nestjs|rxjs|reflect-metadata|iterare)\//],
  [
    'Express',
    /node_modules\/(express|router|body-parser|raw-body|path-to-regexp|finalhandler|helmet|cors|qs|parseurl|type-is|content-type|depd|on-finished|ee-first|debug|ms|bytes|iconv-lite|accepts|negotiator|proxy-addr|etag|fresh)\//,
  ],
  ['pg', /node_modules\/pg/],
  [
    'pino',
    /node_modules\/(pino|sonic-boom|quick-format-unescaped|safe-stable-stringify|atomic-sleep|fast-json|on-exit)/,
  ],
  ['uuid', /node_modules\/uuid\//],
  ['other packages', /node_modules\//],
  ['Outdial: HTTP and platform', /\/dist\/platform\//],
  ['Outdial: keys and limits', /\/dist\/api-keys\//],
  ['Outdial: event store', /\/dist\/event-store\//],
  ['Outdial: calls', /\/dist\//],
  ['node:http', /^node:(_http|internal\/http)/],
  ['node:crypto', /^node:internal\/crypto/],
  ['node: sockets and streams', /^node:(net|stream|internal\/(streams?|js_stream|stream_base|net))/],
  ['node: events, timers, promises, buffers', /^node:/],
];
/** Functions without a place that are work of their own; any other belongs to whoever called it. */
const NATIVE = [
  ['garbage collector', /^\(garbage collector\)$/],
  ['native code outside JavaScript (parsing HTTP, reading sockets, the event loop)', /^\(program\)$/],
  ['writing to sockets (system calls)', /^(writev|write(Buffer|Utf8String|Latin1String|AsciiString|UcsString))$/],
];

/** Self times in µs of the samples taken between two moments (µs of the monotonic clock), the greatest first. */
export function groupSelfTimes({ nodes, samples, timeDeltas, startTime }, from, to) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const node of nodes) for (const child of node.children ?? []) byId.get(child).parent = node;
  const [groups, functions] = [new Map(), new Map()];
  const add = (map, name, us) => map.set(name, (map.get(name) ?? 0) + us);
  let at = startTime;
  samples.forEach((id, index) => {
    at += timeDeltas[index];
    const node = byId.get(id);
    if (at < from || at > to || node.callFrame.functionName === '(idle)') return;
    // A delta is the time since the sample before, which is the best guess of how long this one lasted.
    const us = timeDeltas[index + 1] ?? 0;
    add(groups, groupOf(node), us);
    add(functions, describe(node), us);
  });
  const sorted = (map) => [...map].sort((a, b) => b[1] - a[1]);
  return {
    groups: sorted(groups),
    functions: sorted(functions),
    busyUs: [...groups.values()].reduce((a, b) => a + b, 0),
  };
}

function groupOf(node) {
  const { functionName, url } = node.callFrame;
  const match = (list, text) => list.find(([, pattern]) => pattern.test(text))?.[0];
  return (
    (url ? match(PLACES, url) : match(NATIVE, functionName)) ??
    (node.parent
      ? groupOf(node.parent)
      : 'native code outside JavaScript (parsing HTTP, reading sockets, the event loop)')
  );
}

function describe({ callFrame: { functionName, url, lineNumber } }) {
  const place = url.replace(/^.*\/node_modules\//, '').replace(/^.*\/dist\//, 'dist/');
  return `${functionName || '(anonymous)'}${place ? ` ${place}:${lineNumber + 1}` : ''}`;
}
