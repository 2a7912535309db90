// Receives webhooks in a process of its own and tells when each has come; /dead takes them and never answers.
import { createServer } from 'node:http';

let expected = Infinity;
let arrivals = [];

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/dead') return;
    response.end();
    arrivals.push([Date.now(), Buffer.concat(chunks).toString()]);
    if (arrivals.length >= expected) tell();
  });
});

function tell() {
  process.send({ arrivals: arrivals.map(([at, body]) => ({ at, ...placeOf(JSON.parse(body)) })) });
  arrivals = [];
  expected = Infinity;
}

const placeOf = ({ id, timestamp, data }) => ({ id, timestamp, callId: data.callId });

process.on('message', (message) => {
  expected = message.expected;
  arrivals = [];
  process.send({ ready: true });
});
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));
