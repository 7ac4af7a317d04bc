// A peer written with Node's net module: run by tests/interop/node.py.
//
//   peer.js client ADDRESS               standard input there, what comes back to standard output
//   peer.js whole ADDRESS BYTES          sends so many bytes, expects them back
//   peer.js server ADDRESS MODE          MODE echo: line by line, in capitals
//                                        MODE last: all of it, once the client has half-closed
'use strict';
const net = require('net');

const [mode, address, detail] = process.argv.slice(2);

function client() {
  const socket = net.connect({path: address, allowHalfOpen: true});
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
}

function whole() {
  const sent = Buffer.alloc(Number(detail), '0123456789abcde\n');
  const received = [];
  const socket = net.connect({path: address, allowHalfOpen: true});
  socket.end(sent);
  socket.on('data', (piece) => received.push(piece));
  socket.on('end', () => {
    const all = Buffer.concat(received);
    console.log(sent.equals(all), all.length);
  });
}

function server() {
  net.createServer({allowHalfOpen: true}, (socket) => {
    let all = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece) => {
      if (detail === 'echo') socket.write(piece.toUpperCase());
      all += piece;
    });
    socket.on('end', () => socket.end(detail === 'last' ? all.toUpperCase() : ''));
  }).listen(address);
}

({client, whole, server})[mode]();
